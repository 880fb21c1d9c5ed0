"""Live terminals: their connections, who is online, what they ask and what they are told."""
