"""A whole site on one machine: server, terminals and a generated image, to be watched or tested."""
