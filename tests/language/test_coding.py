"""Label lists and codes of others as facts of the glossary."""

import pytest

from doctorsun.core.schema import Fact
from doctorsun.language.coding import (
    exhaustive_facts,
    icd10_facts,
    is_normal,
    label_facts,
    mesh_facts,
    terms_by_name,
    terms_of,
)
from doctorsun.language.glossary import glossary


@pytest.mark.parametrize(("scheme", "least"), [("chexpert", 12), ("nih", 14), ("mesh", 24), ("icd10", 15)])
def test_every_scheme_names_findings_of_the_glossary(scheme, least):
    assert len(terms_of(scheme)) >= least
    assert all(glossary().term(term).kind == "finding" for term in terms_of(scheme))


def test_no_name_of_a_scheme_means_two_things():
    for scheme in ("chexpert", "nih", "mesh", "icd10"):
        assert list(terms_by_name(scheme)) == [name.lower() for name in terms_by_name(scheme)]


def test_labels_keep_their_status_and_unknown_ones_are_left_out():
    facts = label_facts({"Edema": "absent", "Pneumonia": "uncertain", "Invented": "present"}, "chexpert")
    assert facts == (Fact("pneumonia", status="uncertain"), Fact("pulmonary_edema", status="absent"))


def test_where_two_names_share_a_term_what_is_there_wins():
    facts = label_facts({"opacity": "absent", "Density": "present"}, "mesh")
    assert facts == (Fact("lung_opacity", status="present"),)


def test_a_list_of_all_findings_says_what_is_absent():
    facts = {fact.name: fact.status for fact in exhaustive_facts(["Effusion", "Mass"], "nih")}
    assert len(facts) == len(terms_of("nih"))
    assert [name for name, status in facts.items() if status == "present"] == ["effusion", "lung_mass"]
    assert set(exhaustive_facts(["No Finding"], "nih")) == {
        Fact(term, status="absent") for term in terms_of("nih")
    }


def test_mesh_headings_tell_side_and_severity_and_some_mean_it_only_together():
    facts = mesh_facts(["Opacity/lung/base/left/mild", "Aorta/tortuous", "Lung", "Cardiomegaly/severe"])
    assert facts == (
        Fact("cardiomegaly", status="present", severity="severe"),
        Fact("lung_opacity", status="present", laterality="left", severity="mild"),
        Fact("tortuous_aorta", status="present"),
    )
    assert is_normal(["Normal"], "mesh")
    assert not is_normal([], "mesh") and not is_normal(["normal", "Cardiomegaly"], "mesh")


@pytest.mark.parametrize("code", ["J18.9", "J189", " j18.0 "])
def test_an_icd_code_stands_for_what_is_above_it(code):
    assert icd10_facts([code, "Z00.0"]) == (Fact("pneumonia", status="present"),)
