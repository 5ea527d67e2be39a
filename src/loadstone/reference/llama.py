"""`python -m loadstone.reference.llama WEIGHTS THREADS SLOTS`: llama.cpp's own server, until standard input ends."""

from __future__ import annotations

import os
import sys

from loadstone.reference.real_model import NAME

CONTEXT_TOKENS = 2048


def main() -> None:
    """Load, say the URL in one line, and serve."""
    import xllamacpp

    path, threads, slots = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
    parameters = xllamacpp.CommonParams()
    parameters.model.path = path
    parameters.model_alias = {NAME}  # else every answer names a path of this machine
    parameters.cpuparams.n_threads = parameters.cpuparams_batch.n_threads = threads
    parameters.n_ctx, parameters.n_parallel = CONTEXT_TOKENS * slots, slots
    parameters.hostnames, parameters.port = ["127.0.0.1"], 0
    parameters.endpoint_metrics = True
    parameters.fit_params = False
    parameters.verbosity = -1
    server = xllamacpp.Server(parameters)
    sys.stdout.write(f"{server.listening_address}\n")
    sys.stdout.flush()
    sys.stdin.buffer.read()
    os._exit(0)


if __name__ == "__main__":
    main()
