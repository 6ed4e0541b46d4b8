"""PFCNG-IGC: profiles and the authority that issues."""
