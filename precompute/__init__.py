"""The offline job: one module or package a stage; imports `db`, never `app`."""

import os

# Read when torch is first imported. By default an OpenMP thread that waits for the others spins: on a machine that is
# busy with anything else, a training step of the tiny towers took 440 ms so, and 124 ms with waiting threads asleep.
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
