"""What a row says of its parents is held against theirs: of each finding that many took its digest is computed once."""

from dataclasses import replace

from many_rows import SPECS, row_of

from trainables.trial import Digests, artifact_digest


class Counted(dict):
    """A finding that counts how often it is read for its digest."""

    def __init__(self, *arguments, **entries):
        super().__init__(*arguments, **entries)
        self.read = 0

    def items(self):
        self.read += 1
        return super().items()


def test_what_many_children_took_is_digested_once_and_anew_when_their_parents_row_is_another():
    genotype = Counted(normal=["skip_connect", 0])
    parent = replace(row_of(SPECS[0]), artifacts={"genotype": genotype})
    took = {parent.trial_id: {"genotype": artifact_digest({**genotype})}}
    children = [replace(row_of(spec), parents=took) for spec in SPECS[1:4]]
    digests = Digests()

    genotype.read = 0
    assert [child.contradiction(parent, digests) for child in children] == [""] * 3
    assert genotype.read == 1
    anew = replace(parent, artifacts={"genotype": {"normal": ["none", 0]}})
    assert "was made from another genotype" in children[0].contradiction(anew, digests)
    assert "was made from another genotype" in children[0].contradiction(replace(parent, artifacts={}), digests)
    assert children[0].contradiction(parent, digests) == ""
