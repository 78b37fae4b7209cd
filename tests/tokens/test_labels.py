import json

from dujiang.tokens.labels import header, label


def test_the_label_has_the_fields_of_the_standard():
    made = label("某市智算中心", "req-1")
    assert list(made) == [
        "Label",
        "ContentProducer",
        "ProduceID",
        "ReservedCode1",
        "ContentPropagator",
        "PropagateID",
        "ReservedCode2",
    ]
    assert made["Label"] == "1"


def test_a_header_is_ascii_and_reads_back():
    made = label("某市“智算”中心🙂\n", "req-1")
    text = header(made)
    assert text.isascii() and "\n" not in text
    assert json.loads(text) == made
