"""`sharptune doctor`: what it finds on this machine."""


def test_the_doctor_finds_this_machine_well(sharptune):
    result = sharptune("doctor", "--json")
    checks = result.json
    data = [check["found"] for check in checks if check["check"] == "data"]
    unwell = {check["check"] for check in checks if not check["ok"]}

    assert all(set(check) == {"check", "ok", "found"} for check in checks)
    assert (result.code, unwell) in ((0, set()), (1, {"disk"}))  # how full that is here no test knows
    assert {"sharptune", "versions", "processor", "device", "storage", "disk", "data"} == {c["check"] for c in checks}
    assert "imagenet is not here yet: run: sharptune data fetch imagenet --folder FOLDER, with the folder" in data[-1]


def test_the_doctor_finds_a_storage_that_cannot_be(sharptune, chains):
    result = sharptune("doctor", "--storage", "chains.yaml")

    assert result.code == 1
    assert "FAIL  storage" in result.out


def test_the_doctor_says_what_keeps_us_from_the_other_cpus(sharptune, monkeypatch):
    monkeypatch.setattr("trainables.record.provenance.cpus", lambda: (2, "of 64: its control group has a quota of 1.5"))

    assert "ok    processor    2 CPUs of 64: its control group has a quota of 1.5, " in sharptune("doctor").out
