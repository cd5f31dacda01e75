"""Pushing: private, verified, and never what must not leave."""

import json
from types import SimpleNamespace

import pytest

from doctorsun.core.errors import DataError
from doctorsun.data.hub import Consent, push
from doctorsun.data.publish import record_scan
from tests.data.published import CARD, publish, talk, turn

WORDS = (turn("user", "a?"), turn("assistant", "b"))
NONE = Consent()
ALL = Consent(approved=True, licence_checked=True)


class FakeHub:
    """A hub that keeps what it is told; `public` names repositories that anyone may read already."""

    def __init__(self, public=()):
        self.private = dict.fromkeys(public, False)
        self.uploads = []

    def create_repo(self, repo_id, *, repo_type, private, exist_ok):
        assert (repo_type, exist_ok) == ("dataset", True)
        self.private.setdefault(repo_id, private)

    def repo_info(self, repo_id, *, repo_type):
        return SimpleNamespace(private=self.private[repo_id])

    def upload_folder(self, **told):
        self.uploads.append(told)


def made(folder, licence="MIT", *, reader=None, name="invented", audit=None):
    info = {
        "recipe": {"sources": {name: {"reader": reader}}},
        "sources": {
            name: {"card": {**CARD, "licence": licence}, "present": True, "licences": [licence], "counts": {}}
        },
    }
    samples = [talk(0, WORDS, licence=licence)]
    files = {"audit.json": json.dumps(audit or {}), "README.md": "x"}
    return publish(folder / "set", samples, files=files, **info)


def refused(dataset, consent=NONE):
    hub = FakeHub()
    with pytest.raises(DataError) as caught:
        push(dataset.path, "owner/name", hub=hub, consent=consent)
    assert not hub.private
    assert not hub.uploads
    assert "\n" not in str(caught.value)
    return caught.value.key


def test_a_push_is_private_and_sends_the_listed_files_alone(tmp_path):
    dataset = made(tmp_path)
    (dataset.path / "notes of mine.txt").write_text("not to be sent")
    hub = FakeHub()
    assert push(dataset.path, "owner/name", hub=hub) == "owner/name"
    assert hub.private == {"owner/name": True}
    assert hub.uploads[0]["allow_patterns"] == [
        "dataset.json",
        "README.md",
        "audit.json",
        "data/train-00000-of-00001.parquet",
    ]
    assert hub.uploads[0]["folder_path"] == str(dataset.path)


def test_public_is_only_what_was_asked_for(tmp_path):
    dataset = made(tmp_path)
    hub = FakeHub()
    push(dataset.path, "owner/name", hub=hub, consent=Consent(public=True))
    assert hub.private == {"owner/name": False}


def test_a_repository_that_anyone_reads_already_is_refused_unless_asked_for(tmp_path):
    dataset = made(tmp_path)
    hub = FakeHub(public=["owner/name"])
    with pytest.raises(DataError) as caught:
        push(dataset.path, "owner/name", hub=hub)
    assert caught.value.key == "data.push_is_public"
    assert not hub.uploads


@pytest.mark.parametrize("name", ["name", "a/b/c", "../x", "owner/", "owner/na me"])
def test_a_name_that_is_none_is_refused(tmp_path, name):
    with pytest.raises(DataError) as caught:
        push(made(tmp_path).path, name, hub=FakeHub())
    assert caught.value.key == "data.push_name"


def test_a_changed_file_stops_the_push(tmp_path):
    dataset = made(tmp_path)
    (dataset.path / "README.md").write_text("y")
    assert refused(dataset) == "data.file_changed"


@pytest.mark.parametrize("licence", ["unknown", "CC-BY-ND-4.0", "CC-BY-NC-ND-4.0", "PhysioNet-1.5.0"])
def test_a_licence_that_forbids_passing_on_must_be_looked_at(tmp_path, licence):
    dataset = made(tmp_path, licence)
    assert refused(dataset) == "data.push_licence"
    push(dataset.path, "owner/name", hub=FakeHub(), consent=Consent(licence_checked=True))


@pytest.mark.parametrize("licence", ["MIT", "CC-BY-NC-4.0", "CC-BY-SA-4.0"])
def test_a_licence_that_allows_passing_on_needs_no_word(tmp_path, licence):
    assert push(made(tmp_path, licence).path, "owner/name", hub=FakeHub()) == "owner/name"


@pytest.mark.parametrize(
    ("name", "reader", "licence"),
    [
        ("hospital", None, "MIT"),
        ("ward", "hospital", "MIT"),
        ("ward", "folder", "hospital-private"),
    ],
    ids=["by name", "by reader", "by licence"],
)
@pytest.mark.parametrize(
    "audit", [{}, {"privacy": {"passed": False}}, {"privacy": {"passed": "yes"}}], ids=str
)
def test_a_hospitals_data_without_a_passed_scan_stay(tmp_path, name, reader, licence, audit):
    dataset = made(tmp_path, licence, reader=reader, name=name, audit=audit)
    assert refused(dataset, ALL) == "data.push_no_scan"


def test_a_hospitals_data_with_a_passed_scan_need_an_approval_too(tmp_path):
    dataset = made(tmp_path, "hospital-private", reader="hospital", name="ward", audit={"kept": 1})
    assert refused(dataset, ALL) == "data.push_no_scan"
    record_scan(dataset.path, {"values": 12})
    audit = json.loads((dataset.path / "audit.json").read_text("utf-8"))
    assert audit == {"kept": 1, "privacy": {"values": 12, "passed": True}}
    assert refused(dataset) == "data.push_no_approval"
    hub = FakeHub()
    push(dataset.path, "owner/name", hub=hub, consent=Consent(approved=True))
    assert hub.private == {"owner/name": True}
