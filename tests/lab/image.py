# SPDX-License-Identifier: GPL-2.0-or-later
"""What the guests are made of, built once into build/lab: busybox, the probe, a kernel, an initrd.

    root/      the guests' root folder: busybox-static, the probe, the hider, the waiter, the silent
               client, the caller, the agent
    vmlinuz    the kernel of Debian's linux-image-cloud-amd64, unpacked, never installed
    initrd     root/ and the virtio modules, as cpio
    root.tar   root/ as a container image
    standin    the stand-in for runtimes that cannot run here
"""

from __future__ import annotations

import fcntl
import hashlib
import lzma
import os
import shutil
import subprocess
from pathlib import Path

from .system import CACHE, LAB, LabError, need, run

# In the order of their insertion.
MODULES = ["virtio_ring", "virtio", "virtio_pci_modern_dev", "virtio_pci_legacy_dev", "virtio_pci",
           "failover", "net_failover", "virtio_net"]
SOURCES = ["agent", "init", "probe.c", "hide.c", "waiter.c", "silent.c", "caller.c", "standin.c",
           "image.py"]


def _stamp() -> str:
    digest = hashlib.sha256()
    for name in SOURCES:
        digest.update((LAB / name).read_bytes())
    return digest.hexdigest()


def kernel_folder() -> Path:
    """Fetch and unpack the kernel package; the folder that holds it."""
    folder = CACHE / "kernel"
    if any(folder.glob("boot/vmlinuz-*")):
        return folder
    need("apt-get", "apt-cache", "dpkg")
    depends = run("apt-cache", "depends", "linux-image-cloud-amd64")
    package = next((line.split()[-1] for line in depends.splitlines()
                    if "Depends: linux-image-" in line), None)
    if not package:
        raise LabError("no linux-image-cloud-amd64 known to apt, which the VMs boot: run apt-get update. "
                       "Only Debian for amd64 has it")
    download = CACHE / "download"
    shutil.rmtree(download, ignore_errors=True)
    download.mkdir(parents=True)
    done = subprocess.run(["apt-get", "download", package], cwd=download, capture_output=True, text=True)
    debs = list(download.glob("*.deb"))
    if done.returncode or len(debs) != 1:
        raise LabError(f"apt-get download {package} failed:\n{done.stdout}{done.stderr}")
    partial = CACHE / "kernel.part"
    shutil.rmtree(partial, ignore_errors=True)
    run("dpkg", "-x", debs[0], partial)
    shutil.rmtree(folder, ignore_errors=True)
    partial.rename(folder)
    shutil.rmtree(download)
    return folder


def _root(root: Path) -> None:
    """Make the guests' root folder."""
    need("busybox", "gcc")
    shutil.rmtree(root, ignore_errors=True)
    for name in ("bin", "dev", "etc", "proc", "root", "run", "sbin", "sys", "tmp", "usr", "var"):
        (root / name).mkdir(parents=True)
    busybox = Path(shutil.which("busybox")).resolve()
    shutil.copy(busybox, root / "bin/busybox")
    if subprocess.run(["chroot", root, "/bin/busybox", "true"], capture_output=True).returncode:
        raise LabError("busybox is not static. Install what the tests need: contrib/setup/deps build test")
    for applet in run(busybox, "--list").split():
        if applet != "busybox":
            (root / "bin" / applet).symlink_to("busybox")
    for name in ("probe", "hide", "waiter", "silent", "caller"):
        run("gcc", "-O2", "-static", "-Wall", "-Wextra", "-pthread", "-o", root / "bin" / name,
            LAB / f"{name}.c")
    run("gcc", "-O2", "-Wall", "-Wextra", "-Wno-unused-parameter", "-o", CACHE / "standin",
        LAB / "standin.c")
    shutil.copy(LAB / "agent", root / "agent")
    (root / "etc/passwd").write_text("root:x:0:0:root:/root:/bin/sh\n")


def copy_module(kernel: Path, name: str, folder: Path) -> bool:
    """False where the kernel has it built in. Debian 13's modules are compressed, and below usr."""
    if any(f"/{name}.ko\n" in path.read_text() for path in kernel.glob("**/modules.builtin")):
        return False
    path = next(kernel.glob(f"**/modules/**/{name}.ko*"), None)
    if not path:
        raise LabError(f"the kernel has no module {name}")
    data = path.read_bytes()
    (folder / f"{name}.ko").write_bytes(lzma.decompress(data) if path.suffix == ".xz" else data)
    return True


def archive(root: Path, output: Path) -> None:
    """Pack @root as an initrd. Not compressed: unpacking costs an emulated processor more."""
    names = subprocess.run(["find", "."], cwd=root, capture_output=True, check=True).stdout
    with open(output, "wb") as file:
        subprocess.run(["cpio", "--quiet", "-o", "-H", "newc", "-R", "0:0"], cwd=root, input=names,
                       stdout=file, check=True)


def build() -> None:
    """Build all of it, unless that was done already from the same sources."""
    CACHE.mkdir(parents=True, exist_ok=True)
    with open(CACHE / "lock", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        stamp = CACHE / "stamp"
        if stamp.exists() and stamp.read_text() == _stamp():
            return
        need("cpio", "tar", "find")
        kernel = kernel_folder()
        root = CACHE / "root"
        _root(root)
        run("tar", "-C", root, "-cf", CACHE / "root.tar", ".")
        initrd = CACHE / "initrd.root"
        shutil.rmtree(initrd, ignore_errors=True)
        shutil.copytree(root, initrd, symlinks=True)
        (initrd / "modules").mkdir()
        modules = [name for name in MODULES if copy_module(kernel, name, initrd / "modules")]
        (initrd / "modules/order").write_text("".join(f"{name}\n" for name in modules))
        shutil.copy(LAB / "init", initrd / "init")
        archive(initrd, CACHE / "initrd")
        shutil.rmtree(initrd)
        shutil.copy(next(kernel.glob("boot/vmlinuz-*")), CACHE / "vmlinuz")
        os.chmod(CACHE / "root", 0o755)
        stamp.write_text(_stamp())


def tool(name: str) -> Path:
    """A program of the lab that runs on the host, built from NAME.c when that is newer."""
    source, program = LAB / f"{name}.c", CACHE / name
    CACHE.mkdir(parents=True, exist_ok=True)
    with open(CACHE / "lock", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not program.exists() or program.stat().st_mtime <= source.stat().st_mtime:
            need("gcc")
            run("gcc", "-O2", "-static", "-Wall", "-Wextra", "-o", program, source)
    return program


def root() -> Path:
    return CACHE / "root"


def standin() -> Path:
    return CACHE / "standin"


def caller() -> Path:
    return CACHE / "root/bin/caller"


def probe() -> Path:
    return CACHE / "root/bin/probe"
