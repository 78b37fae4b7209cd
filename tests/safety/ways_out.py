"""What strangers' code might try. ``ways_out.py JSON OUT`` tries each way in a process of its own and says which work.

The JSON is where it might get to: ``secret`` (a file outside and what is in it), ``writable`` (a folder outside),
``port`` (a TCP service on this machine), ``socket`` and ``abstract`` (Unix ones), ``pid`` (a process outside),
``environment`` (a variable that the caller has), ``descriptor`` (a file that the caller has open).
A way returns what it got, or nothing; an error is no way out.
"""

import contextlib
import ctypes
import glob
import json
import os
import resource
import signal
import socket
import stat
import struct
import subprocess
import sys

C = ctypes.CDLL(None, use_errno=True)
X86 = os.uname().machine == "x86_64"


def call(number_x86, number_arm, *arguments):
    """A system call by its number, as whoever goes around the C library would make it."""
    number = number_x86 if X86 else number_arm
    return C.syscall(ctypes.c_long(number), *[ctypes.c_long(one) if isinstance(one, int) else one for one in arguments])


def done(result):
    return "done" if result >= 0 else None


# The network.


def tcp(aim):
    with socket.create_connection(("127.0.0.1", aim["port"]), 1) as made:
        return made.recv(100)


def tcp_by_another_address(aim):
    with socket.create_connection(("::1", aim["port"]), 1) as made:
        return made.recv(100)


def udp_to_the_world(aim):
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as made:
        return made.sendto(b"x", ("192.0.2.1", 53))


def names(aim):
    return socket.getaddrinfo("example.com", 443)


def raw_packets(aim):
    return socket.socket(socket.AF_PACKET, socket.SOCK_RAW, 0).fileno() and "socket"


def netlink(aim):
    return socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, 0) and "socket"


def the_hypervisor(aim):
    return socket.socket(socket.AF_VSOCK, socket.SOCK_STREAM) and "socket"


def bluetooth_and_the_rest(aim):
    made = []
    for family in range(2, 46):
        with contextlib.suppress(OSError):
            socket.socket(family, socket.SOCK_DGRAM).close()
            made.append(family)
    return made


def socket_in_a_file(aim):
    with socket.socket(socket.AF_UNIX) as made:
        made.connect(aim["socket"])
        return made.recv(100)


def abstract_socket(aim):
    with socket.socket(socket.AF_UNIX) as made:
        made.connect("\0" + aim["abstract"])
        return made.recv(100)


# Files outside.


def secret(aim):
    with open(aim["secret"][0]) as file:
        return aim["secret"][1] in file.read()


def secret_by_the_way_of_another_process(aim):
    found = []
    for root in glob.glob("/proc/[0-9]*/root"):
        with contextlib.suppress(OSError), open(root + aim["secret"][0]) as file:
            found.append(aim["secret"][1] in file.read())
    return found


def secret_by_a_link(aim):
    os.symlink(aim["secret"][0], "shortcut")
    with open("shortcut") as file:
        return file.read()


def secret_by_a_hard_link(aim):
    os.link(aim["secret"][0], "hard")
    with open("hard") as file:
        return file.read()


def secret_from_above(aim):
    with open("../" * 40 + aim["secret"][0]) as file:
        return file.read()


def keys_of_people(aim):
    names = (
        "/root/.ssh",
        "/home",
        "/etc/shadow",
        "/etc/ssh",
        "/var",
        "/srv",
        "/boot",
        "/sys",
        "/mnt",
        "/opt",
        "/run/secrets",
    )
    found = []
    for name in names:
        with contextlib.suppress(OSError):
            found += os.listdir(name) if os.path.isdir(name) else [open(name, "rb").read(10)]  # noqa: SIM115
    return found


def file_by_its_handle(aim):
    handle = struct.pack("Ii", 128, 0) + bytes(128)
    buffer, mount = ctypes.create_string_buffer(handle, len(handle)), ctypes.c_int()
    return done(call(303, 264, -100, ctypes.c_char_p(b"/usr"), buffer, ctypes.byref(mount), 0))


def writes_outside(aim):
    written = []
    for folder in (
        aim["writable"],
        "/",
        "/usr",
        "/usr/lib",
        "/etc",
        "/inputs",
        "/entry",
        "/dev",
        "/run",
        "/proc/sys/kernel",
        os.path.dirname(sys.executable),
    ):
        with contextlib.suppress(OSError), open(f"{folder}/planted", "w") as file:
            file.write("x")
            written.append(folder)
    return written


def changes_its_inputs(aim):
    changed = []
    for name in ("/inputs/given.txt", "/entry/ways_out.py", "/etc/passwd", "/run/keeper.py"):
        with contextlib.suppress(OSError), open(name, "a") as file:
            file.write("x")
            changed.append(name)
    return changed


def the_kernels_switches(aim):
    found = []
    for name in (
        "/proc/sys/kernel/core_pattern",
        "/proc/sysrq-trigger",
        "/proc/sys/vm/drop_caches",
        "/proc/self/../sys/kernel/hostname",
    ):
        with contextlib.suppress(OSError):
            os.close(os.open(name, os.O_WRONLY))
            found.append(name)
    return found


# Other processes.


def processes_outside(aim):
    """The shell's and the supervisor's names, and the caller's number."""
    seen = []
    for path in glob.glob("/proc/[0-9]*/cmdline"):
        with open(path) as file:
            seen.append(file.read())
    return [one for one in seen if "supervisor" in one or "pytest" in one]


def environment_of_the_first(aim):
    with open("/proc/1/environ", "rb") as file:
        return aim["environment"].encode() in file.read()


def environment(aim):
    return aim["environment"] in "".join([*os.environ, *os.environ.values()])


def descriptors(aim):
    """Files that whoever started it had open."""
    open_ = []
    for name in os.listdir("/proc/self/fd"):
        with contextlib.suppress(OSError):
            open_.append(os.readlink(f"/proc/self/fd/{name}"))
    return [one for one in open_ if one == aim["descriptor"]]


def kills_outside(aim):
    os.kill(aim["pid"], 0)
    return "reached"


def traces(aim):
    return done(C.ptrace(16, os.getppid(), 0, 0))  # PTRACE_ATTACH


def traces_the_first(aim):
    return done(C.ptrace(0x4206, 1, 0, 0))  # PTRACE_SEIZE


def reads_memory(aim):
    word, there = ctypes.create_string_buffer(8), ctypes.create_string_buffer(8)
    local = struct.pack("QQ", ctypes.addressof(word), 8)
    remote = struct.pack("QQ", ctypes.addressof(there), 8)
    return done(call(310, 270, os.getpid(), local, 1, remote, 1, 0))


def takes_a_descriptor(aim):
    return done(call(438, 438, os.pidfd_open(os.getppid()), 0, 0))


# The kernel.


def mounts(aim):
    return done(C.mount(b"none", b"/tmp", b"tmpfs", 0, None))


def mounts_the_new_way(aim):
    return done(call(430, 430, ctypes.c_char_p(b"tmpfs"), 0))


def unmounts(aim):
    return done(C.umount2(b"/inputs", 2))


def new_user_namespace(aim):
    return done(C.unshare(0x10000000))


def new_namespace_by_clone(aim):
    child = call(56, 220, 0x10000000 | signal.SIGCHLD, 0, 0, 0, 0)
    if child == 0:
        os._exit(0)
    return done(child)


def new_namespace_by_clone3(aim):
    arguments = struct.pack("11Q", 0x10000000, 0, 0, 0, signal.SIGCHLD, 0, 0, 0, 0, 0, 0)
    child = call(435, 435, arguments, 88)
    if child == 0:
        os._exit(0)
    return done(child)


def joins_a_namespace(aim):
    with open("/proc/1/ns/net") as file:
        return done(C.setns(file.fileno(), 0))


def another_root(aim):
    return done(C.chroot(b"/tmp"))


def becomes_root(aim):
    os.setuid(0)
    return os.getuid() == 0 and "root"


def by_a_setuid_program(aim):
    said = subprocess.run(["su", "-c", "id -u"], check=False, stdin=subprocess.DEVNULL, capture_output=True, text=True)
    return said.stdout.strip() == "0" and "root"


def makes_a_setuid_program(aim):
    """It may set the bit; the file must not keep it. See the test."""
    with open("/tmp/shell", "w") as file:
        file.write("#!/bin/sh\nid -u\n")
    os.chmod("/tmp/shell", 0o4755)
    return subprocess.run(["/tmp/shell"], check=False, capture_output=True, text=True).stdout.strip() == "0"


def devices(aim):
    allowed = {"null", "zero", "full", "random", "urandom", "tty", "console", "ptmx"}
    found = []
    for name in glob.glob("/dev/**", recursive=True):
        with contextlib.suppress(OSError):
            mode = os.lstat(name).st_mode
            if (stat.S_ISCHR(mode) or stat.S_ISBLK(mode)) and os.path.basename(name) not in allowed:
                found.append(name)
    return [name for name in found if not name.startswith("/dev/pts/")]


def makes_a_device(aim):
    os.mknod("disk", 0o600 | stat.S_IFBLK, os.makedev(8, 0))
    return "made"


def the_machines_memory(aim):
    found = []
    for name in ("/dev/mem", "/dev/kmem", "/dev/kmsg", "/proc/kcore", "/proc/kallsyms", "/proc/keys"):
        with contextlib.suppress(OSError), open(name, "rb") as file:
            found += [name] if file.read(10) else []
    return found


def the_kernels_keys(aim):
    return done(call(250, 219, 0, -3, 1))  # KEYCTL_GET_KEYRING_ID of the session


def adds_a_key(aim):
    return done(call(248, 217, ctypes.c_char_p(b"user"), ctypes.c_char_p(b"k"), ctypes.c_char_p(b"v"), 1, -2))


def programs_of_the_kernel(aim):
    return done(call(321, 280, 0, bytes(128), 128))


def counts_the_machine(aim):
    return done(call(298, 241, struct.pack("II", 1, 128) + bytes(120), 0, -1, -1, 0))


def rings(aim):
    return done(call(425, 425, 1, bytes(200)))


def faults(aim):
    return done(call(323, 282, 0))


def old_calls_of_32_bits(aim):
    """Another numbering of system calls, which a filter may not know (x32)."""
    return done(call(0x40000000 + 39, 172, 0)) if X86 else None


def old_calls_by_the_old_gate(aim):
    """Calls of 32-bit programs, made by machine code: another numbering again."""
    import mmap

    if not X86:
        return None
    page = mmap.mmap(-1, 4096, prot=mmap.PROT_READ | mmap.PROT_WRITE | mmap.PROT_EXEC)
    page.write(b"\xb8\x14\x00\x00\x00\xcd\x80\xc3")  # mov eax, getpid; int 0x80; ret
    return done(ctypes.CFUNCTYPE(ctypes.c_int)(ctypes.addressof(ctypes.c_char.from_buffer(page)))())


def memory_that_no_limit_counts(aim):
    return done(call(319, 279, ctypes.c_char_p(b"x"), 0)) or done(call(29, 194, 0, 4096, 0o1600))


def types_into_the_terminal(aim):
    import fcntl

    return done(fcntl.ioctl(0, 0x5412, b"x") or 0)


def raises_its_limits(aim):
    resource.setrlimit(resource.RLIMIT_NPROC, (10**6, 10**6))
    return "raised"


def the_sites_program(aim):
    import dujiang

    return dujiang.__file__


def names_the_machine(aim):
    C.sethostname(b"elsewhere", 9)
    return socket.gethostname() == "elsewhere" and "named"


WAYS = [
    tcp, tcp_by_another_address, udp_to_the_world, names, raw_packets, netlink, the_hypervisor, bluetooth_and_the_rest,
    socket_in_a_file, abstract_socket, secret, secret_by_the_way_of_another_process, secret_by_a_link,
    secret_by_a_hard_link, secret_from_above, keys_of_people, file_by_its_handle, writes_outside, changes_its_inputs,
    the_kernels_switches, processes_outside, environment_of_the_first, environment, descriptors, kills_outside, traces,
    traces_the_first, reads_memory, takes_a_descriptor, mounts, mounts_the_new_way, unmounts, new_user_namespace,
    new_namespace_by_clone, new_namespace_by_clone3, joins_a_namespace, another_root, becomes_root, by_a_setuid_program,
    makes_a_setuid_program, devices, makes_a_device, the_machines_memory, the_kernels_keys, adds_a_key,
    programs_of_the_kernel, counts_the_machine, rings, faults, old_calls_of_32_bits, old_calls_by_the_old_gate, memory_that_no_limit_counts,
    types_into_the_terminal, raises_its_limits, the_sites_program, names_the_machine,
]  # fmt: skip
HARMLESS = [
    tcp, socket_in_a_file, abstract_socket, secret, secret_by_a_link, secret_from_above, environment, descriptors,
    kills_outside, netlink, file_by_its_handle, reads_memory, memory_that_no_limit_counts, the_kernels_keys,
]  # fmt: skip
"""What can be tried unconfined too, to see that it would work."""


def attempt(way, aim):
    read, write = os.pipe()
    child = os.fork()
    if child == 0:
        signal.alarm(5)
        os.close(read)
        try:
            got = way(aim)
            said = repr(got) if got and got != [False] else ""
        except BaseException as error:
            said, got = f"-{type(error).__name__}: {error}", None
        os.write(write, said[:2000].encode("utf-8", "replace"))
        os._exit(0)
    os.close(write)
    os.waitpid(child, 0)
    with os.fdopen(read, "rb") as file:
        return file.read().decode("utf-8", "replace")


if __name__ == "__main__":
    with open(sys.argv[1]) as file:
        aim = json.load(file)
    tried = {way.__name__: attempt(way, aim) for way in (HARMLESS if "--harmless" in sys.argv else WAYS)}
    with open(sys.argv[2], "w") as file:
        json.dump(tried, file)
