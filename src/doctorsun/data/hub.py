"""`push(dataset, "owner/name")`: a data set to a hub, private unless asked, and only what may leave.

A hospital's data need a privacy scan that passed (`privacy.passed` of audit.json) and a person's approval.
Licences that forbid passing on what was changed, or that nobody knows, need a person who has looked at them.
"""

import json
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from doctorsun.core.errors import DataError
from doctorsun.data.card import HOSPITAL_LICENCE, limits_of
from doctorsun.data.dataset import Dataset, open_dataset

HOSPITAL_READER = "hospital"
_FORBIDS = {"data.limit_unknown", "data.limit_own", "data.limit_nd", "data.limit_private"}
_NAME = re.compile(r"[A-Za-z0-9][\w.-]*/[A-Za-z0-9][\w.-]*")


class Hub(Protocol):
    """What is needed of `huggingface_hub.HfApi`."""

    def create_repo(self, repo_id: str, *, repo_type: str, private: bool, exist_ok: bool) -> object:
        """Make the repository."""
        ...

    def repo_info(self, repo_id: str, *, repo_type: str) -> Any:  # noqa: ANN401 - the hub's own kind
        """What the hub knows of it; `private` says who may read it."""
        ...

    def upload_folder(
        self,
        *,
        repo_id: str,
        folder_path: str,
        repo_type: str,
        allow_patterns: list[str],
        commit_message: str,
    ) -> object:
        """Upload files in one commit."""
        ...


@dataclass(frozen=True, slots=True)
class Consent:
    """What the user says: anyone may read it; the hospital has approved; the licences were looked at."""

    public: bool = False
    approved: bool = False
    licence_checked: bool = False


def push(folder: Path, repo: str, *, hub: Hub, consent: Consent = Consent()) -> str:
    """Upload a verified data set to the repository OWNER/NAME of a hub; the name of the repository.

    DataError says what stands against it; nothing was sent then. A repository that anyone may read already is
    refused unless `public` was asked for.
    """
    if not _NAME.fullmatch(repo):
        raise DataError("data.push_name", found=repo)
    dataset = open_dataset(folder)
    dataset.verify()
    may_leave(dataset, consent)
    hub.create_repo(repo, repo_type="dataset", private=not consent.public, exist_ok=True)
    if not consent.public and not hub.repo_info(repo, repo_type="dataset").private:
        raise DataError("data.push_is_public", found=repo)
    hub.upload_folder(
        repo_id=repo,
        folder_path=str(folder),
        repo_type="dataset",
        allow_patterns=["dataset.json", *sorted(dataset.info["files"])],
        commit_message=f"{dataset.name} {dataset.info['sha256'][:12]}",
    )
    return repo


def may_leave(dataset: Dataset, consent: Consent) -> None:
    """Raise DataError where a data set must not be passed on as it is."""
    hospital = hospital_sources(dataset)
    if hospital:
        named = ", ".join(hospital)
        if not _scan_passed(dataset.path):
            raise DataError("data.push_no_scan", where=dataset.path, sources=named)
        if not consent.approved:
            raise DataError("data.push_no_approval", where=dataset.path, sources=named)
    for name, source in dataset.info["sources"].items():
        bound = [licence for licence in source["licences"] if _FORBIDS & set(limits_of(licence))]
        asked = bound and not (name in hospital and set(bound) == {HOSPITAL_LICENCE})
        if asked and not consent.licence_checked:
            raise DataError("data.push_licence", where=dataset.path, source=name, licence=", ".join(bound))


def hospital_sources(dataset: Dataset) -> list[str]:
    """The sources that hold a hospital's own data, by their reader or their licence."""
    said = dataset.info["recipe"]["sources"]
    return sorted(
        name
        for name, source in dataset.info["sources"].items()
        if source["present"]
        and (
            HOSPITAL_READER in {name, said.get(name, {}).get("reader")}
            or HOSPITAL_LICENCE in {*source["licences"], source["card"]["licence"]}
        )
    )


def _scan_passed(folder: Path) -> bool:
    found = json.loads((folder / "audit.json").read_text(encoding="utf-8"))
    scan = found.get("privacy")
    return isinstance(scan, dict) and scan.get("passed") is True
