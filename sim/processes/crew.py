from joblib import Parallel, delayed, parallel_config


class WorkerKilledError(Exception):
    pass


class Crew:
    def __init__(self, jobs, func, cluster=None):
        self.jobs, self.func = jobs, func

    def __enter__(self):
        return self

    def __exit__(self, *a):
        pass

    def __class_getitem__(cls, x):
        return cls

    def work(self, tasks):
        if self.jobs == 1:
            for i, t in enumerate(tasks):
                yield i, self.func(t)
            return
        yield from Parallel(self.jobs, return_as="generator_unordered", batch_size=1)(
            delayed(_do)(self.func, i, t) for i, t in enumerate(tasks)
        )


def _do(func, i, t):
    return i, func(t)
