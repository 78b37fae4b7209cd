"""Runs a stranger's code where it can reach nothing but its inputs and its output folder.

Bubblewrap gives it namespaces of its own (no network, no other processes, a file system of the system's programs and
what it was handed, read-only), a seccomp filter takes the system calls that widen a sandbox's surface, `keeper` sets
the limits that the kernel holds (processes, file size, memory of each process), and the compute plane's supervisor
those over all of its processes together (wall time, memory), and ends everything at the end.

Where the caller is root, the code runs as a user number that nothing else has; otherwise in a user namespace of its
own. Where neither can be had, nothing runs: `run` refuses, and says what is missing.

What this does not promise: a fault of the kernel can be a way out, and timing between processes is not hidden.
"""

from __future__ import annotations

import ctypes
import ctypes.util
import errno
import importlib.util
import json
import os
import secrets
import shutil
import socket
import stat
import subprocess
import sys
import sysconfig
import tempfile
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import lru_cache
from importlib.metadata import entry_points
from pathlib import Path

import dujiang
from dujiang.compute import supervisor
from dujiang.messages import Refused, Text
from dujiang.safety import keeper

INPUTS, OUTPUT, ENTRY = "/inputs", "/output", "/entry"
"""Where the code finds what it was given, and where it works and leaves its results."""
TAIL = 8192
"""Bytes of what it printed that are kept."""
_SHOWN = ("lib", "lib32", "lib64", "libx32", "bin", "sbin")
_ETC = ("ld.so.cache", "ld.so.conf", "ld.so.conf.d", "localtime", "alternatives")
_HIDDEN = ("config.gz", "kallsyms", "kcore", "key-users", "keys", "kmsg", "sched_debug", "sysrq-trigger", "timer_list")
"""Files of /proc that say things of the machine, or hold its keys."""
_POLL, _GRACE = 0.1, 30.0
_LONGEST = 3000
"""Characters of a path in the output folder."""

_ALLOW, _ERRNO = 0x7FFF0000, 0x00050000
_NOT_EQUAL, _MASKED_EQUAL, _NO_SUCH_CALL = 1, 7, -1
"""libseccomp's numbers (seccomp.h)."""
_NEW_NAMESPACE = (0x00000080, 0x00020000, 0x02000000, 0x04000000, 0x08000000, 0x10000000, 0x20000000, 0x40000000)
"""The flags of clone(2) that make namespaces: time, mount, cgroup, UTS, IPC, user, PID, network."""
_TIOCSTI, _TIOCLINUX = 0x5412, 0x541C
_REFUSED = (
    "acct", "add_key", "bpf", "chroot", "clock_adjtime", "clock_settime", "delete_module", "fanotify_init",
    "finit_module", "fsconfig", "fsmount", "fsopen", "fspick", "init_module", "ioperm", "iopl", "kcmp", "kexec_file_load",
    "kexec_load", "keyctl", "lookup_dcookie", "mbind", "memfd_create", "memfd_secret", "migrate_pages",
    "mount", "mount_setattr", "move_mount", "move_pages", "name_to_handle_at", "nfsservctl", "open_by_handle_at",
    "open_tree", "perf_event_open", "personality", "pidfd_getfd", "pivot_root", "process_madvise", "process_vm_readv",
    "process_vm_writev", "ptrace", "quotactl", "quotactl_fd", "reboot", "request_key", "set_mempolicy", "setdomainname",
    "sethostname", "setns", "settimeofday", "shmget", "stime", "swapoff", "swapon", "syslog", "umount", "umount2",
    "unshare", "uselib", "userfaultfd", "vhangup", "vmsplice",
)  # fmt: skip
"""Calls that widen what a sandbox can touch, or that take memory which no limit counts (memfd, System V)."""
_ABSENT = ("clone3", "io_uring_enter", "io_uring_register", "io_uring_setup")
"""Calls whose arguments a filter can't read, or which go around it; programs do without them."""


@dataclass(frozen=True, slots=True)
class Limits:
    """What the code may use. ``processes`` counts threads too; ``disk_mib`` and ``files`` are of its output folder.

    Memory is that of all its processes; each alone can't allocate more either. What it keeps in ``/tmp`` and
    ``/dev/shm`` is memory too: a quarter of ``memory_mib`` each at most, beside the rest.
    """

    seconds: float = 60.0
    memory_mib: int = 1024
    processes: int = 64
    disk_mib: int = 256
    files: int = 1000


@dataclass(frozen=True, slots=True)
class Result:
    """How it ended.

    ``killed_for`` is ``time``, ``memory``, ``disk`` (space or number of files), or empty where it ended by itself;
    ``files`` are the regular files that it left, relative to the output folder, and ``swept`` what was no regular file
    and is gone: links, pipes, sockets.
    """

    exit_code: int | None
    killed_for: str
    seconds: float
    cpu_seconds: float
    memory_mib: float
    stdout: str
    stderr: str
    files: tuple[str, ...]
    swept: tuple[str, ...]


def run(command: Sequence[str] | Path, *, inputs: Path | None, output: Path, limits: Limits | None = None) -> Result:
    """Run a command, or a Python file, confined; its folder is ``/output``, and ``/inputs`` is read-only.

    ``output`` must be an empty folder. ``python`` as the command's first word is this site's interpreter with its
    libraries; the site's own program is not among them. Raises `Refused` where code can't be confined here.
    """
    if why := missing():
        raise Refused(why)
    if any(output.iterdir()):
        raise Refused(Text(f"输出目录 {output} 应为空", f"the output folder {output} should be empty"))
    limits = limits or Limits()
    with tempfile.TemporaryDirectory(prefix="dujiang-confined-") as name:
        folder = Path(name)
        user = secrets.randbelow(2**29) + 2**30 if os.geteuid() == 0 else None
        (folder / "work").mkdir()
        (folder / "filter").write_bytes(_filter())
        (folder / "passwd").write_text(f"entrant:x:{_inside(user)}:{_inside(user)}::/tmp:/bin/sh\n", encoding="utf-8")
        if user is not None:
            # The user that it becomes may have no way to where its inputs lie.
            inputs = inputs and _readable(inputs, folder / "inputs")
            command = _readable(command, folder / command.name) if isinstance(command, Path) else command
        arguments, words = _arguments(command, inputs, output, folder, limits, user)
        (folder / "arguments").write_bytes(b"".join(os.fsencode(one) + b"\0" for one in arguments))
        # The supervisor starts one program; the shell opens for it what bubblewrap is told by number.
        shell = 'exec 8<"$1" 9<"$2"; shift 2; exec "$0" --args 8 -- "$@"'
        opened = [str(folder / "arguments"), str(folder / "filter")]
        job = {
            "argv": ["/bin/sh", "-c", shell, _bwrap(), *opened, *words],
            "seconds": limits.seconds,
            "memory_mib": limits.memory_mib,
            "environment": {},
        }
        (folder / "job.json").write_text(json.dumps(job), encoding="utf-8")
        if user is not None:
            os.chown(output, user, user)
        try:
            full = _supervise(folder, output, limits)
        finally:
            files, swept = _take_over(output)
        outcome = json.loads((folder / "outcome.json").read_text(encoding="utf-8"))
        return Result(
            outcome["exit_code"],
            "disk" if full else outcome["ended_by"],
            round(outcome["ended"] - outcome["started"], 3),
            outcome["cpu_seconds"],
            outcome["memory_mib"],
            _tail(folder / "stdout"),
            _tail(folder / "stderr"),
            files,
            swept,
        )


def _readable(source: Path, target: Path) -> Path:
    """Copy a file or folder so that everybody can read it; links stay links, and lead nowhere inside."""
    if not source.is_dir():
        shutil.copyfile(source, target)
        target.chmod(0o644)
        return target
    shutil.copytree(source, target, symlinks=True)
    for folder, _, names in os.walk(target):
        Path(folder).chmod(0o755)
        for name in names:
            if not os.path.islink(path := os.path.join(folder, name)):
                os.chmod(path, 0o755 if os.stat(path).st_mode & 0o100 else 0o644)
    return target


@lru_cache(maxsize=1)
def missing() -> Text | None:
    """Return why code can't be confined on this machine, None where it can."""
    if not _bwrap():
        return Text(
            "本机未安装 bubblewrap（Debian：bubblewrap），不运行外来代码",
            "bubblewrap is not installed here (Debian: bubblewrap), so strangers' code is not run",
        )
    if not ctypes.util.find_library("seccomp"):
        return Text(
            "本机未安装 libseccomp（Debian：libseccomp2），不运行外来代码",
            "libseccomp is not installed here (Debian: libseccomp2), so strangers' code is not run",
        )
    tried = subprocess.run(
        [_bwrap(), *_namespaces(os.geteuid() == 0), "--ro-bind", "/", "/", "--proc", "/proc", "/bin/true"],
        capture_output=True, env={}, text=True, check=False,
    )  # fmt: skip
    if tried.returncode == 0:
        return None
    said = tried.stderr.strip()[:200]
    return Text(
        f"本机不允许本用户建立命名空间（{said}）：请启用用户命名空间，或以 root 运行",
        f"this machine lets this user make no namespaces ({said}): enable user namespaces, or run as root",
    )


def _bwrap() -> str:
    return shutil.which("bwrap") or ""


def _inside(user: int | None) -> int:
    return 65534 if user is None else user


def _namespaces(root: bool) -> list[str]:
    own = ["--unshare-ipc", "--unshare-pid", "--unshare-net", "--unshare-uts", "--unshare-cgroup-try"]
    if not root:
        own += ["--unshare-user", "--disable-userns", "--uid", "65534", "--gid", "65534"]
    return own


def _arguments(
    command: Sequence[str] | Path, inputs: Path | None, output: Path, folder: Path, limits: Limits, user: int | None
) -> tuple[list[str], list[str]]:
    """Return bubblewrap's options, and the command that it runs."""
    made = [
        *_namespaces(user is not None),
        "--hostname",
        "confined",
        "--die-with-parent",
        "--new-session",
        "--cap-drop",
        "ALL",
    ]
    if user is not None:
        # What the keeper needs to become that user, and loses by it.
        made += ["--cap-add", "CAP_SETUID", "--cap-add", "CAP_SETGID"]
    made += ["--clearenv"]
    for name, value in _environment().items():
        made += ["--setenv", name, value]
    size = str(limits.memory_mib * 2**20 // 4)
    # Before the system, of which a part may lie below it.
    made += ["--size", size, "--perms", "1777", "--tmpfs", "/tmp"]  # noqa: S108
    made += _system()
    made += ["--proc", "/proc", "--dev", "/dev", "--size", size, "--perms", "1777", "--tmpfs", "/dev/shm"]  # noqa: S108
    made += ["--remount-ro", "/dev"]
    for name in _HIDDEN:
        if Path("/proc", name).exists():
            made += ["--ro-bind", "/dev/null", f"/proc/{name}"]
    if inputs is not None:
        made += ["--ro-bind", str(inputs.resolve()), INPUTS]
    made += ["--bind", str(output.resolve()), OUTPUT, "--ro-bind", str(folder / "passwd"), "/etc/passwd"]
    if isinstance(command, Path):
        made += ["--ro-bind", str(command.resolve()), f"{ENTRY}/{command.name}"]
        command = ["python", f"{ENTRY}/{command.name}"]
    made += ["--ro-bind", keeper.__file__, "/run/keeper.py", "--remount-ro", "/", "--seccomp", "9"]
    held = {
        "user": user,
        "folder": OUTPUT,
        "limits": {
            "RLIMIT_AS": -1,
            "RLIMIT_CORE": 0,
            "RLIMIT_CPU": int(limits.seconds) + 1,
            "RLIMIT_DATA": limits.memory_mib * 2**20,
            "RLIMIT_FSIZE": limits.disk_mib * 2**20,
            "RLIMIT_MEMLOCK": 0,
            "RLIMIT_MSGQUEUE": 0,
            "RLIMIT_NOFILE": 256,
            "RLIMIT_NPROC": limits.processes,
        },
    }
    if command[0] == "python":
        command = [sys.executable, *command[1:]]
    return made, [sys.executable, "-I", "-S", "/run/keeper.py", json.dumps(held), *command]


def _environment() -> dict[str, str]:
    return {
        "PATH": f"{Path(sys.executable).parent}:/usr/bin:/bin",
        "HOME": "/tmp",  # noqa: S108
        "LANG": "C.UTF-8",
        "PYTHONDONTWRITEBYTECODE": "1",
        # A thread for each core of the machine would be counted as so many processes.
        **dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMBA_NUM_THREADS"), "1"),
    }


def _system() -> list[str]:
    """Return the arguments that show the system's programs and the interpreter with its libraries."""
    places = {Path(one).resolve() for one in (sys.prefix, sys.base_prefix, *sysconfig.get_paths().values())}
    shown = [one for one in sorted(places) if one.exists() and not one.is_relative_to("/usr")]
    made = []
    # What bubblewrap makes on the way to a place is root's alone.
    for folder in sorted({Path(ENTRY), Path("/etc"), Path("/run"), *(up for one in shown for up in one.parents)}):
        made += ["--perms", "0755", "--dir", str(folder)]
    made += ["--ro-bind", "/usr", "/usr"]
    for name in _SHOWN:
        path = Path("/", name)
        if path.is_symlink():
            made += ["--symlink", os.readlink(path), str(path)]
        elif path.is_dir():
            made += ["--ro-bind", str(path), str(path)]
    for name in _ETC:
        if Path("/etc", name).exists():
            made += ["--ro-bind", f"/etc/{name}", f"/etc/{name}"]
    for place in shown:
        made += ["--ro-bind", str(place), str(place)]
    # Cases of scenarios are drawn by this program and by packages of others; whoever is judged on them gets neither.
    programs = {Path(dujiang.__file__).resolve().parent, *_packages_of_scenarios()}
    for program in sorted(programs):
        if any(program.is_relative_to(place) for place in (*shown, Path("/usr"))):
            made += ["--tmpfs", str(program)]
    return made


def _packages_of_scenarios() -> set[Path]:
    """Return the folders of installed packages that hold scenarios, the outermost of each."""
    names = {one.module.partition(".")[0] for one in entry_points(group="dujiang.industries")}
    found = [importlib.util.find_spec(name) for name in names]
    return {Path(place).resolve() for one in found if one for place in one.submodule_search_locations or ()}


def _supervise(folder: Path, output: Path, limits: Limits) -> bool:
    """Have the supervisor run it to its end; returns whether it was ended for what its output folder held."""
    command = [sys.executable, "-I", supervisor.__file__, str(folder)]
    full = False
    with subprocess.Popen(command, env={"PATH": "/usr/bin:/bin"}, stdin=subprocess.DEVNULL) as process:
        left = limits.seconds + _GRACE
        try:
            while process.poll() is None and left > 0:
                with suppress(subprocess.TimeoutExpired):
                    process.wait(_POLL)
                left -= _POLL
                if not full and _over(output, limits):
                    full = True
                    process.terminate()
        finally:
            if process.poll() is None:
                process.terminate()
    return full


def _over(output: Path, limits: Limits) -> bool:
    """Whether the output folder holds more than it may, or what it holds can't be counted: too deep, or locked."""
    files = size = 0
    waiting = [os.fspath(output)]
    while waiting:
        try:
            with os.scandir(waiting.pop()) as entries:
                for one in entries:
                    files += 1
                    # What is deleted in the meantime is as well as never there.
                    with suppress(FileNotFoundError):
                        size += one.stat(follow_symlinks=False).st_blocks * 512
                        if one.is_dir(follow_symlinks=False):
                            waiting.append(one.path)
                    if files > limits.files or size > limits.disk_mib * 2**20:
                        return True
        except FileNotFoundError:
            continue
        except OSError:
            return True
    return False


def _take_over(output: Path) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Make what was left the caller's: plain files and folders; everything else goes. Nothing of it runs any more."""
    root = os.geteuid() == 0
    kept: list[str] = []
    swept: list[str] = []
    waiting = [output]
    while waiting:
        inside = waiting.pop()
        _own(inside, 0o755, root)
        for name in sorted(os.listdir(inside)):
            path = inside / name
            mode = path.lstat().st_mode
            # A path that is too long for others, or a name that is no text, is nothing to hand on.
            plain = len(os.fspath(path)) < _LONGEST and name.isprintable()
            if plain and stat.S_ISDIR(mode):
                waiting.append(path)
            elif plain and stat.S_ISREG(mode):
                _own(path, 0o644, root)
                kept.append(os.path.relpath(path, output))
            else:
                # It can be deeper than Python can go.
                subprocess.run(["rm", "-rf", "--", path], check=False, stderr=subprocess.DEVNULL)
                swept.append(ascii(os.path.relpath(path, output))[1:-1][:200])
    return tuple(sorted(kept)), tuple(sorted(swept))


def _own(path: Path, mode: int, root: bool) -> None:
    if root:
        os.chown(path, os.geteuid(), os.getegid(), follow_symlinks=False)
    path.chmod(mode)


def _tail(path: Path) -> str:
    with path.open("rb") as file:
        file.seek(max(0, path.stat().st_size - TAIL))
        return file.read().decode("utf-8", "replace")


@lru_cache(maxsize=1)
def _filter() -> bytes:
    """Return the seccomp filter as bubblewrap takes it (BPF), made by libseccomp for this processor."""
    library = ctypes.CDLL(ctypes.util.find_library("seccomp"), use_errno=True)
    library.seccomp_init.restype = ctypes.c_void_p
    context = ctypes.c_void_p(library.seccomp_init(ctypes.c_uint32(_ALLOW)))

    def refuse(name: str, error: int, *compared: _Compared) -> None:
        number = library.seccomp_syscall_resolve_name(name.encode())
        if number == _NO_SUCH_CALL:
            return
        array = (_Compared * len(compared))(*compared)
        action = ctypes.c_uint32(_ERRNO | error)
        failed = library.seccomp_rule_add_array(context, action, number, len(compared), array)
        if failed and failed != -errno.EDOM:  # there is none such on this processor
            raise OSError(-failed, f"libseccomp does not take the rule for {name}")

    try:
        for name in _REFUSED:
            refuse(name, errno.EPERM)
        for name in _ABSENT:
            refuse(name, errno.ENOSYS)
        for flag in _NEW_NAMESPACE:
            refuse("clone", errno.EPERM, _Compared(0, _MASKED_EQUAL, flag, flag))
        # Sockets between its own processes are all that it gets: others, such as AF_VSOCK, know no network namespace.
        refuse("socket", errno.EAFNOSUPPORT, _Compared(0, _NOT_EQUAL, socket.AF_UNIX, 0))
        for command in (_TIOCSTI, _TIOCLINUX):
            refuse("ioctl", errno.EPERM, _Compared(1, _MASKED_EQUAL, 0xFFFFFFFF, command))
        with tempfile.TemporaryFile() as file:
            if library.seccomp_export_bpf(context, file.fileno()):
                raise OSError("libseccomp does not export the filter")
            file.seek(0)
            return file.read()
    finally:
        library.seccomp_release(context)


class _Compared(ctypes.Structure):
    """libseccomp's ``struct scmp_arg_cmp``: argument, comparison, and its one or two values."""

    _fields_ = [
        ("argument", ctypes.c_uint),
        ("comparison", ctypes.c_int),
        ("first", ctypes.c_uint64),
        ("second", ctypes.c_uint64),
    ]
