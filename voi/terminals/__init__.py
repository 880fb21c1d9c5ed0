"""Live terminals: their connections, who is online, their requests and the commands to them."""
