"""Do many units of work, each once, and keep their results; nothing here knows of label noise.

`run` says what a unit of work is and gives it its identity. `result_folder` is one result on disk, and `store` holds
all of them. `perform` does one run, `schedule` and `sweep` do many. `executors` are the places where runs are carried
out: this process, worker processes, Dask or SLURM. `shared_arrays` are large arrays that workers read from a file.
"""
