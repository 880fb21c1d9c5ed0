"""The protocol of the terminal connection: bytes in, events out, no I/O.

A frame (`frame`) carries a message (`messages`) or a torrent (`torrent_body`) under a service code
(`codes`); `session` is the state machine of either side.
"""
