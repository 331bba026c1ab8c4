"""What goes wrong at the command line: a sentence on stderr, exit code 2 for a person's mistake, never a traceback."""

import errno
from pathlib import Path

import pytest
from command_line import CHAINS, rows

from orchestrator import load_rows
from orchestrator.cli.main import invoke
from orchestrator.errors import LedgerError
from trainables.record.patience import Patience

MISTAKES = {
    "an experiment there is not": (["plan", "quickstrat"], "did you mean 'quickstart'?"),
    "a file there is not": (["run", "nowhere.yaml"], "unknown experiment or file 'nowhere.yaml'"),
    "a folder": (["plan", "."], "is a folder"),
    "a set of a key there is not": (
        ["plan", "chains.yaml", "--set", "stages.root.config.epoch=1"],
        "--set stages.root.config.epoch=1",
    ),
    "a set of a stage there is not": (["plan", "chains.yaml", "--set", "stages.rot.config.epochs=1"], "'root'"),
    "a set without a value": (["plan", "chains.yaml", "--set", "foo"], "must look like"),
    "a set of the wrong type": (["run", "chains.yaml", "--set", "stages.root.config.epochs=x"], "read 'x'"),
    "a set beside no experiment": (["status", "--set", "a=1"], "--set goes with"),
    "a table there is not": (["table", "chains.yaml", "width", "--storage", "."], "did you mean 'widths'?"),
    "a format there is not": (["table", "chains.yaml", "--format", "word"], "'word' is not one of"),
    "a question above no number": (["run", "chains.yaml", "--ask-above", "nan"], "'nan' is not a number"),
    "a rehearsal without end": (["rehearse", "chains.yaml", "--minutes", "inf"], "inf is not in the range"),
    "explained HTML": (["table", "chains.yaml", "--explain", "--format", "html"], "--explain is text, or JSON with"),
    "a trial there is not": (["logs", "abc", "--storage", "."], "there is no trial 'abc'"),
    "nothing to retry": (["retry", "abc", "--storage", "."], "no trial in"),
    "a storage that is a file": (["plan", "chains.yaml", "--storage", "chains.yaml"], "is a file"),
    "a run into a file": (["run", "chains.yaml", "--storage", "chains.yaml"], "is a file"),
    "a run below a file": (["run", "chains.yaml", "--storage", "chains.yaml/runs"], "chains.yaml is a file"),
    "a status of a file": (["status", "--storage", "chains.yaml"], "is a file"),
    "a status of no storage": (["status", "--storage", "nowhere"], "there is no storage /"),
    "a status in no storage": (["status", "chains.yaml", "--storage", "nowhere"], "there is no storage /"),
    "a table of no storage": (["table", "chains.yaml", "--storage", "nowhere"], "there is no storage /"),
    "logs of no storage": (["logs", "abc", "--storage", "nowhere"], "there is no storage /"),
    "a retry in no storage": (["retry", "chains.yaml", "--storage", "nowhere"], "there is no storage /"),
    "an export out of no storage": (["export", "abc", "--storage", "nowhere"], "there is no storage /"),
    "a file to evaluate there is not": (
        ["evaluate", "model.safetensor", "--storage", "no"],
        "nor is there a file 'model",
    ),
    "a storage without a name": (["status", "--storage", ""], "the storage has no name"),
    "a home of nobody": (["status", "--storage", "~nobody-here/runs"], "no such user"),
    "a scheme there is not": (["plan", "chains.yaml", "--storage", "ftp://x/y"], "unknown scheme 'ftp'"),
    "a storage with keys": (["run", "chains.yaml", "--storage", "s3://AKIA:x/y@bucket"], "AWS_SECRET_ACCESS_KEY"),
    "a dataset there is not": (["data", "show", "cifar11"], "did you mean 'cifar10'?"),
    "a dataset to fetch there is not": (["data", "fetch", "cifar11"], "did you mean 'cifar10'?"),
    "a genotype there is not": (["cost", "DARTS_V3"], "did you mean 'DARTS_V2'?"),
    "the cost of an experiment": (["cost", "chains.yaml"], "sharptune plan chains.yaml shows the trials"),
    "the cost of a packaged experiment": (
        ["cost", "quickstart"],
        "quickstart is an experiment; this takes a network",
    ),
    "the genotype of an experiment": (
        ["genotype", "show", "chains.yaml"],
        "is an experiment; this takes a network",
    ),
    "an address for the local runner": (["run", "chains.yaml", "--runner", "local", "--address", "x:1"], "--runner"),
    "a command there is not": (["plna"], "No such command"),
    "an option there is not": (["plan", "chains.yaml", "--jsn"], "No such option"),
    "a large grid": (["plan", "chains.yaml", "--max-trials", "5"], "--max-trials"),
}


@pytest.mark.parametrize(("arguments", "sentence"), MISTAKES.values(), ids=MISTAKES)
def test_a_mistake_gets_a_sentence_and_exit_code_2(sharptune, arguments, sentence):
    result = sharptune(*arguments)

    assert result.code == 2
    assert sentence in result.err
    assert "Traceback" not in result.err
    assert result.out == ""


def test_all_mistakes_of_a_file_are_told_at_once_each_with_its_line(sharptune, chains):
    text = CHAINS.replace("trainable: chain", "trainable: chian", 1).replace("needs: root", "needs: roots")
    chains.write_text(text.replace("width: [1, 2]", "widht: []"))

    result = sharptune("run", "chains.yaml")
    places = {line.split(": ")[1] for line in result.err.splitlines()}

    assert result.code == 2
    assert places >= {"chains.yaml:4", "chains.yaml:9", "chains.yaml:11"}
    assert all(line.startswith("error: chains.yaml:") for line in result.err.splitlines())


def test_broken_yaml_is_a_mistake_like_any_other(sharptune, chains):
    chains.write_text("experiment: [\n")

    result = sharptune("plan", "chains.yaml")

    assert result.code == 2
    assert result.err.startswith("error: chains.yaml:")


def test_a_folder_that_is_not_ours_to_read_is_said(sharptune, monkeypatch):
    def refuse(self, folder):
        raise PermissionError(13, "Permission denied", folder)

    monkeypatch.setattr("trainables.record.storage.LocalStorage.names", refuse)

    result = sharptune("status", "--storage", ".")

    assert result == (2, "", "error: storage '.' cannot be read: Permission denied\n")


def test_a_figure_of_no_storage_is_refused_unless_it_needs_none(capsys, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)

    assert invoke(["figure", "figure4_toy", "--storage", "nowhere"]) == 2
    assert "there is no storage /" in capsys.readouterr().err
    assert invoke(["figure", "figure5", "--json", "--storage", "nowhere"]) == 0
    assert not list(tmp_path.iterdir())


def test_rows_of_no_storage_are_refused(tmp_path):
    with pytest.raises(LedgerError, match=r"there is no storage /.*/nowhere: nothing has been run there yet"):
        load_rows(str(tmp_path / "nowhere"))


def test_a_folder_that_is_not_ours_to_write_is_said_before_anything_runs(run, monkeypatch):
    def refuse(self, path, data, *, durable=True):
        raise PermissionError(13, "Permission denied", path)

    monkeypatch.setattr("trainables.record.storage.LocalStorage.create", refuse)

    result = run()

    assert result.code == 2
    assert "runs cannot be written: Permission denied" in result.err
    assert "starts" not in result.out


def test_a_full_disk_is_no_mistake_of_the_person(sharptune, run, monkeypatch):
    def full(self, path, data, *, durable=True):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("trainables.record.storage.LocalStorage.write", full)

    result = run()

    assert result.code == 1
    assert "No space left on device" in result.err


def test_data_that_is_not_here_is_said_before_anything_runs(capsys, tmp_path, monkeypatch):
    monkeypatch.setenv("SHARPTUNE_CACHE", str(tmp_path / "empty"))
    code = invoke(["run", "cifar10_short", "--storage", str(tmp_path / "runs")])
    err = capsys.readouterr().err

    assert code == 2
    assert "sharptune data fetch cifar10" in err
    assert not list(tmp_path.glob("runs/trials/*"))


@pytest.mark.parametrize("command", ["plan", "status", "table", "run", "logs", "retry"])
def test_a_storage_that_does_not_answer_is_a_sentence(sharptune, run, monkeypatch, command):
    run()
    [trial_id, *_] = rows()

    def hang(self, path):
        raise OSError(errno.EIO, "Input/output error")

    monkeypatch.setattr("trainables.record.storage.LocalStorage.read", hang)
    monkeypatch.setattr("trainables.record.storage.PATIENCE", Patience(seconds=0))
    what = [trial_id] if command in ("logs", "retry") else ["chains.yaml"]

    result = sharptune(command, *what)

    place = Path("runs").absolute()
    assert (result.code, result.err) == (1, f"error: storage {place} does not answer now: Input/output error\n")
