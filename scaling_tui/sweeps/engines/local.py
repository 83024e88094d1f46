"""This machine as an engine: its workers inherit slots (locks on cores and GPUs) and get runs over sockets."""

from scaling_tui.runs import SweepView
from scaling_tui.sweeps.engines import Ended, Order, signal_name
from scaling_tui.sweeps.limits import cores, memory
from scaling_tui.sweeps.placement import at_a_time, check_gpus, per_gpu_for, places, threads_for
from scaling_tui.sweeps.resources import recorded
from scaling_tui.sweeps.size import Size
from scaling_tui.sweeps.slots import Slot, told
from scaling_tui.sweeps.sweep_fit import last_runs
from scaling_tui.sweeps.workers import Workers


class Local:
    """The cores or the GPUs of this machine.

    Raises:
        InputError: an unfinished run asks for more of them than there are.
    """

    def __init__(self, view: SweepView, device: str, jobs: int | None, per_gpu: int | None) -> None:
        last = last_runs(view)
        processes = {run.name: recorded(view.document, run.rung).processes for run in view.runs}
        check_gpus(max((processes[run.name] for run in view.runs if run.state != "finished"), default=1), device)
        sizes = [Size.of_config(run.config, processes[run.name]) for run in view.runs if run.name not in last]
        beside = [size for size in sizes if size is not None]
        per_gpu = per_gpu or per_gpu_for(beside, device)
        self.sweep = view.path
        self.workers = Workers(view.path, places(device, jobs, per_gpu))
        self.at_a_time = at_a_time(jobs, device, per_gpu, beside)
        self.starts_ahead = self.alone = True
        self.saves = False  # slots that become free in this round are kept for a run that needs several

    @property
    def training(self) -> set[str]:
        return {worker.run for worker in self.workers.all if worker.run}

    @property
    def is_empty(self) -> bool:
        return len(self.workers.all) <= len(self.workers.idle)

    def order(self, order: Order) -> bool:
        """Hands the run to an idle worker or a new one; False if too few slots are free."""
        if self.saves:
            return False
        threads, processes = threads_for(order.size, order.alone, cores(), self.at_a_time), order.resources.processes
        worker, extra = next(iter(self.workers.idle), None), list[Slot]()
        if processes > 1:
            # All of its slots at once, or none.
            need = processes - (1 if worker else 0)
            extra = self.workers.free_slots(need, need, [worker.slot] if worker else [])
            if not extra:
                self.saves = not self.workers.who_else()
                return False
        worker = worker or self.workers.start(slot=extra.pop(0) if extra else None)
        if worker is None:
            return False
        beside = [slot.place.device for slot in extra]
        if worker.slot.place.device == "cpu":
            held = [*extra, worker.slot]
            extra += self.workers.free_slots(0, processes * threads - len(held), held)
            threads = (1 + len(extra)) // processes
        for slot in extra:
            slot.name_holder(self.sweep.name, worker.process.pid)
        share = memory()[0] // (1 if order.alone else self.at_a_time)
        worker.hand(order.run, threads, share, extra, beside)
        return True

    def settle(self, ready: int) -> None:
        self.saves = False
        ready = ready if self.starts_ahead else 0
        self.workers.let_go(but=ready)
        if len(self.workers.idle) < ready and len(self.workers.all) < self.at_a_time:
            self.workers.start(load=True)

    def ended(self) -> list[Ended]:
        ended, gone = self.workers.reap()
        found = [Ended(run, status) for run, status in ended]
        for run, status in gone:
            if run is None:
                self.starts_ahead = False  # or it would fail again and again
            how = f"was killed by {signal_name(-status)}" if status < 0 else f"failed with status {status}"
            found.append(Ended(run, status, "crashed" if status < 0 else None, how))
        return found

    def waits(self) -> str:
        others = self.workers.who_else()
        if not others and any(worker.run for worker in self.workers.all):
            return ""  # for runs of this sweep, one of which may hold several slots
        another = "another slot" if self.workers.all else "a slot"
        return f"waits for {another}: {told(others)}"

    def wait(self, seconds: float) -> None:
        self.workers.wait(seconds)

    def close(self) -> None:
        self.workers.let_go()
