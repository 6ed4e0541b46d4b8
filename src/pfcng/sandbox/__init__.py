"""A platform in a box: demonstration PKI, cards, annuaire."""
