"""`sharptune data`: what is known of datasets."""


def test_what_is_known_of_datasets_as_json(sharptune):
    data = sharptune("data", "show", "--json").json

    assert {entry["name"]: (entry["train_images"], entry["test_images"]) for entry in data} == {
        "cifar10": (50_000, 10_000),
        "cifar100": (50_000, 10_000),
        "cifar10-mini": (2_000, 1_000),
        "cifar10-jpeg": (200, 100),
        "cifar10_1": (0, 2_000),
        "cifar10_1_v4": (0, 2_021),
        "imagenet": (1_281_167, 50_000),
    }
    assert all(isinstance(entry["present"], bool) for entry in data)
    assert all(set(entry["sha256"]) == {"train", "test"} for entry in data[:2])


def test_a_dataset_without_digests_is_shown_too(sharptune):
    shown = sharptune("data", "show", "imagenet").out

    assert "imagenet: ImageNet (ILSVRC 2012)" in shown
    assert "1,281,167 training and 50,000 test images, cut to 224 pixels when they are read" in shown
    assert "sha256" not in shown
