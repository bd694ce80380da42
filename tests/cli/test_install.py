# SPDX-License-Identifier: GPL-2.0-or-later
"""`make install` puts what desktops need where they look for it, and it is valid."""

from __future__ import annotations

import configparser
import os
import re
import struct
import subprocess
import xml.etree.ElementTree as ElementTree
from pathlib import Path

import pytest
from conftest import ROOT

DESKTOP_FILES = """
etc/xdg/autostart/lhguard-notify.desktop
usr/bin/lhguard-notify
usr/lib/systemd/user/graphical-session.target.wants/lhguard-notify.service
usr/lib/systemd/user/lhguard-notify.service
usr/share/applications/lhguard-notify.desktop
usr/share/icons/hicolor/scalable/apps/lhguard.svg
usr/share/icons/hicolor/symbolic/apps/lhguard-symbolic.svg
usr/share/knotifications5/lhguard-notify.notifyrc
usr/share/knotifications6/lhguard-notify.notifyrc
usr/share/lhguard/notify.conf
usr/share/man/man1/lhguard-notify.1
usr/share/man/man5/notify.conf.5
usr/share/polkit-1/actions/org.lhguard.policy
"""
# systemd.exec(5): each makes a namespace, and with it a user namespace where the manager is not root.
NAMESPACE_OPTION = re.compile(r"^(Private|Protect|ReadOnly|ReadWrite|Inaccessible|ExecPaths|NoExec|Bind"
                              r"|Temporary|Mount|Root|Dynamic|Network|IPC|Extension)\w*=", re.M)


def make(*arguments: str, goal: str = "install") -> None:
    """Runs make without building anything: what is there is installed."""
    environment = {name: value for name, value in os.environ.items()
                   if name not in ("MAKEFLAGS", "MAKELEVEL", "MFLAGS")}
    subprocess.run(["make", "-s", "-C", str(ROOT), "-o", "all", goal, *arguments], check=True,
                   env=environment)


@pytest.fixture(scope="module")
def image(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What a package would hold."""
    folder = tmp_path_factory.mktemp("image")
    make(f"DESTDIR={folder}")
    return folder


def entry(path: Path) -> configparser.SectionProxy:
    """The only section of a desktop file or its like."""
    parser = configparser.ConfigParser(interpolation=None)
    parser.optionxform = str  # type: ignore[assignment,method-assign]
    parser.read(path)
    (section,) = parser.sections()
    return parser[section]


def files_below(folder: Path) -> set[str]:
    """Also links, wherever they lead."""
    return {str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_symlink() or path.is_file()}


def test_uninstall_leaves_what_the_administrator_wrote(tmp_path: Path) -> None:
    make(f"DESTDIR={tmp_path}")
    assert len(files_below(tmp_path)) > 25
    own = {"etc/lhguard/lhguard.conf", "etc/lhguard/guests.d/own.conf", "var/lib/lhguard/exceptions.conf"}
    foreign = {"usr/bin/lhguardian", "usr/share/lhguard/notes", "usr/lib/systemd/system/other.service"}
    for name in own | foreign:
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()
    make(f"DESTDIR={tmp_path}", goal="uninstall")
    assert files_below(tmp_path) == own | foreign
    make(f"DESTDIR={tmp_path}", "PURGE=1", goal="uninstall")
    assert files_below(tmp_path) == foreign


def test_uninstall_takes_its_own_folders_along(tmp_path: Path) -> None:
    make(f"DESTDIR={tmp_path}", "prefix=/opt/guard", "sysconfdir=/settings")
    make(f"DESTDIR={tmp_path}", "prefix=/opt/guard", "sysconfdir=/settings", "PURGE=1", goal="uninstall")
    assert files_below(tmp_path) == set()
    assert [path for path in tmp_path.rglob("*lhguard*")] == []


@pytest.mark.parametrize("name", DESKTOP_FILES.split())
def test_the_file_is_there_for_everybody(image: Path, name: str) -> None:
    path = image / name
    assert path.is_file()  # also at the end of a link
    assert path.stat().st_mode & 0o444 == 0o444
    assert b"@bindir@" not in path.read_bytes()


def test_each_graphical_session_wants_the_unit(image: Path) -> None:
    link = image / "usr/lib/systemd/user/graphical-session.target.wants/lhguard-notify.service"
    assert os.readlink(link) == "../lhguard-notify.service"


def test_the_unit_is_valid_and_makes_no_namespace(tmp_path: Path) -> None:
    make(f"prefix={tmp_path}/usr", f"sysconfdir={tmp_path}/etc")
    unit = tmp_path / "usr/lib/systemd/user/lhguard-notify.service"
    text = unit.read_text()
    assert f"ExecStart={tmp_path}/usr/bin/lhguard-notify\n" in text
    ran = subprocess.run(["systemd-analyze", "--user", "--man=no", "verify", str(unit)], capture_output=True,
                         text=True, env=os.environ | {"XDG_RUNTIME_DIR": str(tmp_path)})
    assert (ran.returncode, ran.stdout + ran.stderr) == (0, "")
    assert not NAMESPACE_OPTION.search(text)


@pytest.mark.parametrize("name", ["etc/xdg/autostart/lhguard-notify.desktop",
                                  "usr/share/applications/lhguard-notify.desktop"])
def test_the_desktop_file_is_valid(image: Path, name: str) -> None:
    ran = subprocess.run(["desktop-file-validate", str(image / name)], capture_output=True, text=True)
    assert (ran.returncode, ran.stdout + ran.stderr) == (0, "")
    found = entry(image / name)
    assert found["Exec"] == "lhguard-notify"
    assert found["Icon"] == "lhguard"


def test_settings_of_desktops_list_it_by_name(image: Path) -> None:
    application = entry(image / "usr/share/applications/lhguard-notify.desktop")
    assert application["X-GNOME-UsesNotifications"] == "true"
    for number in (5, 6):
        plasma = entry(image / f"usr/share/knotifications{number}/lhguard-notify.notifyrc")
        assert plasma["DesktopEntry"] == "lhguard-notify"
        assert (plasma["Name"], plasma["Comment"]) == (application["Name"], application["Comment"])


def test_autostart_leaves_it_to_systemd(image: Path) -> None:
    found = entry(image / "etc/xdg/autostart/lhguard-notify.desktop")
    assert found["X-systemd-skip"] == found["X-GNOME-HiddenUnderSystemd"] == "true"


@pytest.mark.parametrize("name", ["scalable/apps/lhguard.svg", "symbolic/apps/lhguard-symbolic.svg"])
@pytest.mark.parametrize("size", [16, 48, 256])
def test_the_icon_is_drawn(image: Path, tmp_path: Path, name: str, size: int) -> None:
    source = image / "usr/share/icons/hicolor" / name
    nothing = b"<svg xmlns='http://www.w3.org/2000/svg' width='16' height='16'/>"
    png, empty = (subprocess.run(["rsvg-convert", f"--width={size}", f"--height={size}"], check=True,
                                 capture_output=True, input=drawing).stdout
                  for drawing in (source.read_bytes(), nothing))
    assert struct.unpack(">II", png[16:24]) == (size, size)
    assert png != empty


def test_the_symbolic_icon_can_be_recoloured(image: Path) -> None:
    root = ElementTree.parse(image / "usr/share/icons/hicolor/symbolic/apps/lhguard-symbolic.svg").getroot()
    assert (root.get("width"), root.get("height")) == ("16", "16")
    colours = {element.get("fill") for element in root.iter() if element.tag.endswith("}path")}
    assert colours == {"#bebebe"}
    assert not [element for element in root.iter() if element.get("stroke") or element.get("style")]


def test_polkit_knows_the_two_actions(image: Path) -> None:
    root = ElementTree.parse(image / "usr/share/polkit-1/actions/org.lhguard.policy").getroot()
    defaults = {action.get("id"): tuple(child.text for child in action.find("defaults") or ())
                for action in root.iter("action")}
    # Of watching nobody is ever asked for a password; over the network nobody watches.
    assert defaults == {"org.lhguard.watch": ("no", "yes", "yes"),
                        "org.lhguard.manage": ("auth_admin", "auth_admin", "auth_admin_keep")}
    sources = "".join(path.read_text() for path in (ROOT / "daemon").rglob("*.[ch]"))
    assert set(re.findall(r'"(org\.lhguard\.[a-z]+)"', sources)) == set(defaults)
    for action in root.iter("action"):
        assert action.findtext("description") and action.findtext("message")


def test_each_setting_is_in_the_example_and_in_its_page(image: Path) -> None:
    example = re.findall(r"^#([a-z-]+) = (.+)$", (image / "usr/share/lhguard/notify.conf").read_text(), re.M)
    page = (image / "usr/share/man/man5/notify.conf.5").read_text()
    (keys,) = re.findall(r" keys\[\] = {(.+?)};", (ROOT / "cli/notify/settings.c").read_text(), re.S)
    assert [name for name, _ in example] == re.findall(r"^\.It Cm ([a-z-]+) No = ", page, re.M) \
        == re.findall(r'"([a-z-]+)"', keys)


def test_each_option_of_the_agent_is_in_its_page(image: Path) -> None:
    said = subprocess.run([str(ROOT / "build/lhguard-notify"), "--help"], check=True, capture_output=True,
                          text=True).stdout
    page = (image / "usr/share/man/man1/lhguard-notify.1").read_text()
    options = set(re.findall(r"--([a-z-]+)", said))
    assert options == set(re.findall(r"^\.It Fl -([a-z-]+)", page, re.M)) > {"test"}
