"""Which disk holds a folder: whole disks, partitions, names with slashes, and none."""

from __future__ import annotations

import os
from pathlib import Path

from omnicloud.core.disks import Disk, disk_below


def device_of(folder: Path) -> str:
    number = folder.stat().st_dev
    return f"{os.major(number)}:{os.minor(number)}"


def made_device(devices: Path, at: str, number: str) -> Path:
    """A device as the system lays it out: its folder, and in it its number."""
    device = devices / "devices" / at
    device.mkdir(parents=True)
    (device / "dev").write_text(f"{number}\n")
    return device


def test_a_whole_disk_is_told_by_number_and_path(tmp_path: Path) -> None:
    device = made_device(tmp_path, "virtual/vdz", "254:99")
    (tmp_path / device_of(tmp_path)).symlink_to(device)
    assert disk_below(tmp_path, tmp_path) == Disk("254:99", Path("/dev/vdz"))


def test_a_partition_is_on_its_disk(tmp_path: Path) -> None:
    made_device(tmp_path, "pci/sdz", "8:240")
    partition = made_device(tmp_path, "pci/sdz/sdz3", "8:243")
    (partition / "partition").write_text("3\n")
    (tmp_path / device_of(tmp_path)).symlink_to(partition)
    assert disk_below(tmp_path, tmp_path) == Disk("8:240", Path("/dev/sdz"))


def test_a_slash_in_the_name_of_a_device_is_given_back(tmp_path: Path) -> None:
    device = made_device(tmp_path, "pci/cciss!c0d0", "104:0")
    (tmp_path / device_of(tmp_path)).symlink_to(device)
    assert disk_below(tmp_path, tmp_path) == Disk("104:0", Path("/dev/cciss/c0d0"))


def test_what_is_on_no_disk_and_what_is_not_there_have_none(tmp_path: Path) -> None:
    assert disk_below(tmp_path, tmp_path) is None
    assert disk_below(tmp_path / "missing") is None
    assert disk_below(Path("/proc")) is None
