"""`rankify list`: what it says of what there is."""


def test_measures_say_what_they_take_for_a_judgment(as_json):
    rows = {row["measure"]: row["what"] for row in as_json("list", "measures")["measures"]}
    assert "a negative grade is no judgment" in rows["Judged"]
    assert "without such grades it is AP" in rows["infAP"]
