"""Many units of work, each done once and kept: knows nothing of label noise.

`run` says what a unit of work is and gives it its identity, `result_folder` is one result on disk and `store` all of
them, `perform` does one run wherever it is carried out, `schedule` and `sweep` do many, and `executors` are where:
this process, worker processes, Dask or SLURM.
"""
