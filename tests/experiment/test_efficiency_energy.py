"""Energy by counters that grow, begin again, cannot be read, or are not there."""

import pytest

from rankify.experiment.energy import Gpu, Meter, Rapl, packages


class Counter:
    def __init__(self, *readings, range=None):
        self.name, self.readings, self.range = "one", iter(readings), range

    def read(self):
        return next(self.readings)


def zone(folder, name, energy="5000000", most="9000000", called="package-0"):
    made = folder / name
    made.mkdir(parents=True)
    for file, text in (("name", called), ("energy_uj", energy), ("max_energy_range_uj", most)):
        if text is not None:
            (made / file).write_text(text + "\n")
    return made


@pytest.mark.parametrize(
    ("counter", "notes", "joules"),
    [
        (Counter(10, 13), 1, 3),
        (Counter(10, 13, 20), 2, 10),
        (Counter(10, 10), 1, 0),
        (Counter(8, 1, range=9), 1, 2),  # it began again
        (Counter(8, 1, 8, 1, range=9), 3, 11),  # twice
        (Counter(8, 1), 1, None),  # it fell, and does not say from where
        (Counter(None, 5, 6), 2, None),
        (Counter(5, None, 6), 2, None),
        (Counter(5, None, 6, 9), 3, None),  # what was spent in between is not known
    ],
)
def test_joules_are_the_steps_of_a_counter(counter, notes, joules):
    meter = Meter([counter])
    for _ in range(notes):
        meter.note()
    assert meter.joules() == {"one": joules}


def test_a_start_begins_from_0():
    meter = Meter([Counter(1, 5, 50, 53)])
    meter.note()
    meter.start()
    meter.note()
    assert meter.joules() == {"one": 3}


def test_no_counter_reports_nothing():
    meter = Meter([])
    meter.note()
    assert meter.joules() == {}


def test_a_package_is_read_in_joules(tmp_path):
    package = Rapl(zone(tmp_path, "intel-rapl:0"))
    assert (package.name, package.read(), package.range) == ("intel-rapl:0", 5.0, 9.0)


@pytest.mark.parametrize("energy", [None, "", "none"])
def test_a_package_that_cannot_be_read_is_none_and_not_0(tmp_path, energy):
    assert Rapl(zone(tmp_path, "intel-rapl:0", energy)).read() is None


def test_parts_of_packages_and_platforms_are_not_counted_besides(tmp_path):
    zone(tmp_path, "intel-rapl:0")
    zone(tmp_path, "intel-rapl:1", called="package-1")
    zone(tmp_path, "intel-rapl:0:0", called="core")
    zone(tmp_path, "intel-rapl:2", called="psys")
    zone(tmp_path, "intel-rapl-mmio:0")
    assert [one.name for one in packages(tmp_path)] == ["intel-rapl:0", "intel-rapl:1"]


def test_the_memory_at_a_package_is_a_domain_of_its_own(tmp_path):
    for name, called in (
        ("intel-rapl:0", "package-0"),
        ("intel-rapl:0:0", "core"),
        ("intel-rapl:0:1", "dram"),
        ("intel-rapl:0:2", "uncore"),
        ("intel-rapl:1", "psys"),
        ("intel-rapl:1:0", "dram"),
        ("intel-rapl-mmio:0", "package-0"),
        ("intel-rapl-mmio:0:0", "dram"),
    ):
        zone(tmp_path, name, called=called)
    assert [one.name for one in packages(tmp_path)] == ["intel-rapl:0", "intel-rapl:0:1"]


def test_a_machine_without_powercap_has_no_packages(tmp_path):
    assert packages(tmp_path / "none") == []


class Nvml:
    """What stands in for NVIDIA's library: codes other than 0 are failures."""

    def __init__(self, handle=0, energy=0, millijoules=0):
        self.handle, self.energy, self.millijoules = handle, energy, millijoules

    def nvmlDeviceGetHandleByIndex_v2(self, place, handle):  # noqa: N802
        return self.handle

    def nvmlDeviceGetTotalEnergyConsumption(self, handle, spent):  # noqa: N802
        spent._obj.value = self.millijoules
        return self.energy


@pytest.mark.parametrize(
    ("library", "joules"), [(Nvml(millijoules=2500), 2.5), (Nvml(handle=2), None), (Nvml(energy=3), None)]
)
def test_a_gpu_is_read_in_joules_or_not_at_all(library, joules):
    assert Gpu(library, 1).read() == joules
