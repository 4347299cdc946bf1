import sys

import pytest

from vatt_harmony.finetune import launcher


def test_accelerates_launcher_starts_beside_any_torchvision(monkeypatch, capsys):
    monkeypatch.setattr(sys, "argv", ["launcher", "--help"])
    with pytest.raises(SystemExit) as end:
        launcher.main()
    assert end.value.code == 0 and "--num_processes" in capsys.readouterr().out
