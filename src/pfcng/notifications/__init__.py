"""E-mails: what is said to whom, the French texts, and the ways in which they leave."""
