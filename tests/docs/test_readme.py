"""README.md says what is so: the answer below its picture is what the command prints."""

from pathlib import Path

import pytest

from tests.docs.pages import README, blocks, commands, succeed

PICTURE = "charts/transactional-on-shared-saved_against_stale.png"


@pytest.mark.proof
def test_the_answer_is_what_the_command_prints(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """The command below the picture, run at its full length, prints the answer and draws such a picture."""
    monkeypatch.chdir(tmp_path)
    (excerpt,) = blocks(README, "text")
    succeed(*commands(README)[0])
    assert " ".join(excerpt.split()) in " ".join(capsys.readouterr().out.split())
    assert (Path("out/transactional") / PICTURE).is_file()
