"""A Slurm of one node on loopback for the test run, from the machine's packages, in a folder that goes when it ends.

It needs no systemd and no cgroups: proctrack/linuxproc and task/none. Completed jobs are accounted by
jobcomp/filetxt. slurmd runs jobs as their submitter, so root must start it.
"""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import tempfile
from pathlib import Path

from ports import free_port
from waiting import until

PROGRAMS = ("munged", "slurmctld", "slurmd", "sbatch", "squeue", "scancel")
CONFIGURATION = """
ClusterName=tests
SlurmctldHost={host}(127.0.0.1)
SlurmctldPort={ports[0]}
SlurmdPort={ports[1]}
SlurmUser=root
AuthType=auth/munge
AuthInfo=socket={folder}/munge.socket
CredType=cred/munge
StateSaveLocation={folder}/state
SlurmdSpoolDir={folder}/spool
SlurmctldPidFile={folder}/slurmctld.pid
SlurmdPidFile={folder}/slurmd.pid
SlurmctldLogFile={folder}/slurmctld.log
SlurmdLogFile={folder}/slurmd.log
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
JobAcctGatherType=jobacct_gather/none
JobCompType=jobcomp/filetxt
JobCompLoc={folder}/completed
AccountingStorageType=accounting_storage/none
SelectType=select/cons_tres
SelectTypeParameters=CR_Core
SchedulerParameters=sched_min_interval=100000,batch_sched_delay=0
SchedulerType=sched/backfill
ReturnToService=2
MpiDefault=none
SwitchType=switch/none
KillWait=5
MessageTimeout={patience}
NodeName={host} NodeAddr=127.0.0.1 CPUs={cpus} RealMemory={memory} State=UNKNOWN
PartitionName=main Nodes={host} Default=YES MaxTime=INFINITE State=UP
"""


def missing() -> str:
    """Return why there can be no Slurm here, an empty string where there can."""
    absent = [name for name in PROGRAMS if not _path(name)]
    if absent:
        return f"Slurm is not installed (Debian: slurm-wlm munge): no {', '.join(absent)}"
    return "" if os.getuid() == 0 else "slurmd must be started by root"


def _path(program: str) -> str | None:
    return shutil.which(program, path=f"{os.environ['PATH']}:/usr/sbin:/sbin")


class Cluster:
    """munged, slurmctld and slurmd on loopback. ``settings`` are those of a pool of it."""

    def __init__(self) -> None:
        self._folder = Path(tempfile.mkdtemp(prefix="dujiang-slurm-"))
        self._folder.chmod(0o755)
        self._running: dict[str, subprocess.Popen[bytes]] = {}
        self.host = socket.gethostname().split(".")[0]
        self.cpus = os.cpu_count() or 1
        self.conf = self._folder / "slurm.conf"
        self.completed = self._folder / "completed"
        for name in ("state", "spool", "munge"):
            (self._folder / name).mkdir(mode=0o755)
        # A launch that the node is slow to acknowledge is put off by two minutes, but who asks a Slurm that is gone need
        # not wait so long.
        self.hasty = self._folder / "hasty.conf"
        ports = [free_port(), free_port()]
        for path, patience in ((self.conf, 60), (self.hasty, 2)):
            path.write_text(
                CONFIGURATION.format(
                    host=self.host, ports=ports, folder=self._folder, cpus=self.cpus, memory=1500, patience=patience
                )
            )
        key = self._folder / "munge/key"
        key.write_bytes(os.urandom(1024))
        key.chmod(0o400)
        munge = {"socket": "munge.socket", "key-file": "munge/key", "pid-file": "munge/pid", "seed-file": "munge/seed"}
        # Its folder lies under /tmp, which others may write.
        self._start(
            "munged", "--foreground", "--force", f"--log-file={self._folder}/munge/log",
            *(f"--{name}={self._folder}/{place}" for name, place in munge.items()),
        )  # fmt: skip
        self.settings = {"conf": str(self.conf), "jobcomp": str(self.completed)}
        self.start()

    def start(self) -> None:
        """Start the controller and the node, or start them again, and wait until the node takes jobs."""
        self._start("slurmctld", "-D", "-f", str(self.conf))
        self._start("slurmd", "-D", "-f", str(self.conf), "-N", self.host)
        until(
            lambda: self.run("sinfo", "-h", "-o", "%t").strip() in ("idle", "mix", "alloc"),
            lambda: [(self._folder / f"{name}.log").read_text() for name in ("slurmctld", "slurmd")],
        )

    def kill(self) -> None:
        """Kill the controller and the node, with what runs on it, as if the machine were gone."""
        for name in ("slurmctld", "slurmd"):
            self._running.pop(name).kill()
        keep = {one.pid for one in self._running.values()}
        for process in Path("/proc").glob("[0-9]*"):
            try:
                here = str(self._folder).encode() in (process / "environ").read_bytes()
                if here and int(process.name) not in keep:
                    os.kill(int(process.name), signal.SIGKILL)
            except OSError:
                continue

    def run(self, program: str, *arguments: str) -> str:
        """Run one of Slurm's commands and return what it printed."""
        environment = {**os.environ, "SLURM_CONF": str(self.conf)}
        done = subprocess.run([program, *arguments], env=environment, capture_output=True, text=True, check=False)
        return done.stdout

    def stop(self) -> None:
        """Stop everything and remove the folder."""
        self.run("scancel", "--state=RUNNING")
        for process in reversed(list(self._running.values())):
            process.terminate()
        for process in self._running.values():
            try:
                process.wait(10)
            except subprocess.TimeoutExpired:
                process.kill()
        shutil.rmtree(self._folder, ignore_errors=True)

    def _start(self, program: str, *arguments: str) -> None:
        log = (self._folder / f"{program}.out").open("ab")
        environment = {**os.environ, "SLURM_CONF": str(self.conf)}
        command = [str(_path(program)), *arguments]
        self._running[program] = subprocess.Popen(command, stdout=log, stderr=log, env=environment)
        log.close()
