"""`sharptune cost`, `data` and `doctor`: what is known without any experiment."""


def test_cost_as_json_has_the_four_numbers(sharptune):
    result = sharptune("cost", "DARTS_V2", "--json")

    assert result.code == 0
    assert list(result.json) == ["params", "params_with_auxiliary", "macs", "addmult"]
    assert result.json["params"] == 3_529_270
    assert result.json["macs"] < result.json["addmult"]


def test_what_is_known_of_datasets_as_json(sharptune):
    data = sharptune("data", "show", "--json").json

    assert {entry["name"]: (entry["train_images"], entry["test_images"]) for entry in data} == {
        "cifar10": (50_000, 10_000),
        "cifar10-mini": (2_000, 1_000),
        "cifar10_1": (0, 2_000),
        "cifar10_1_v4": (0, 2_021),
    }
    assert all(isinstance(entry["present"], bool) for entry in data)
    assert all(set(entry["sha256"]) == {"train", "test"} for entry in data[:2])


def test_the_doctor_finds_this_machine_well(sharptune):
    checks = sharptune("doctor", "--json").json

    assert all(set(check) == {"check", "ok", "found"} for check in checks)
    assert {"sharptune", "versions", "processor", "device", "storage", "disk", "data"} == {c["check"] for c in checks}


def test_the_doctor_finds_a_storage_that_cannot_be(sharptune, chains):
    result = sharptune("doctor", "--storage", "chains.yaml")

    assert result.code == 1
    assert "FAIL  storage" in result.out
