from dataclasses import replace

import pytest
from support.finetune_table import table_recipe

from vatt_harmony.errors import UserError
from vatt_harmony.finetune.compare.rows import make_rows

RECIPE = table_recipe("nowhere", balance__options={"alpha": 0.5}, balance__start=7, train__patience=3)


def test_rules_points_single_modalities_and_the_ensemble_last():
    rows = make_rows(RECIPE, ["mlb", "mlb@grad", " ogm", "ensemble", "only:audio", "mlb"])
    assert [row.name for row in rows] == ["mlb", "mlb@grad", "ogm", "only:audio", "only:video", "ensemble"]
    configs = {row.name: row.config for row in rows}
    assert configs["ensemble"] is None
    assert configs["mlb@grad"].balance.point == "grad" and configs["mlb"].balance.options == {"alpha": 0.5}
    assert configs["ogm"].balance.options == {} and configs["ogm"].balance.start == 7
    audio = configs["only:audio"]
    assert audio.data.modalities == ("audio",) and set(audio.encoders) == {"audio"} and audio.balance.rule == "none"
    assert {config.train.patience for config in configs.values() if config} == {0}  # equal compute


@pytest.mark.parametrize("name", ["mlbb", "mlb@middle", "only:text", ""])
def test_unknown_rows_are_refused(name):
    with pytest.raises(UserError, match="--compare"):
        make_rows(RECIPE, ["mlb", name])


def test_one_modality_cannot_be_compared():
    alone = replace(
        RECIPE, data=replace(RECIPE.data, modalities=("audio",)), encoders={"audio": RECIPE.encoders["audio"]}
    )
    with pytest.raises(UserError, match="audio alone"):
        make_rows(alone, ["mlb"])
