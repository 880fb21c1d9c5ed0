"""Run as a script: takes limits upon itself, then becomes the program that it is told.

``python -I -S confined.py CPU-SECONDS MEMORY-BYTES PROGRAM ARGUMENT...``. It stands alone, because a child of a process
with threads may do next to nothing before it becomes another program. What the program cannot do then: use more
processor time or address space, write to any file, leave a core dump, gain rights, outlive the thread that began it.
"""

from __future__ import annotations

import ctypes
import os
import resource
import signal
import sys

CANNOT = 125
"""Exit status when the program could not be begun, as that of ``timeout`` and ``env``."""

_FILES = 32  # descriptors open at once
_PR_SET_PDEATHSIG, _PR_SET_NO_NEW_PRIVS = 1, 38  # from linux/prctl.h


def main(cpu: str, memory: str, program: str, *arguments: str) -> None:
    """Become `program`."""
    try:
        libc = ctypes.CDLL(None, use_errno=True)
        for option, value in ((_PR_SET_PDEATHSIG, signal.SIGKILL), (_PR_SET_NO_NEW_PRIVS, 1)):
            if libc.prctl(option, ctypes.c_ulong(value), 0, 0, 0):
                raise OSError(ctypes.get_errno(), "prctl")
        for what, most in (
            (resource.RLIMIT_CPU, int(cpu)),
            (resource.RLIMIT_AS, int(memory)),
            (resource.RLIMIT_FSIZE, 0),
            (resource.RLIMIT_CORE, 0),
            (resource.RLIMIT_NOFILE, _FILES),
        ):
            hard = resource.getrlimit(what)[1]
            most = most if hard == resource.RLIM_INFINITY else min(most, hard)
            resource.setrlimit(what, (most, most))
        os.execv(program, [program, *arguments])  # noqa: S606 - no shell is the point
    except OSError as error:
        sys.stderr.write(f"{program}: {error}\n")
        sys.exit(CANNOT)


if __name__ == "__main__":
    main(*sys.argv[1:])
