"""The offline job: one module or package a stage; imports `db`, never `app`."""
