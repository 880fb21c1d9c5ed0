"""Who somebody is: passwords and their forms."""
