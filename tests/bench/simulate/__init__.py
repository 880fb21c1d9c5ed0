"""A simulation of swarm and tracker policy, for rooms that fit on no test machine."""
