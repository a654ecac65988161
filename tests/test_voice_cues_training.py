"""The parts of scripts/train_voice_cues that need no torch: names of files, measures, lines."""

import importlib.util
import json
import sys
from pathlib import Path

import numpy as np
import onnxruntime
import pytest
from hypothesis import given
from hypothesis import strategies as st

sys.path.insert(0, str(Path(__file__).parents[1] / "scripts"))

from voice_cues import card, corpora, measures, probes, rows

MODELS = Path(__file__).parents[1] / "models"
SHIPPED = sorted(path.parent for path in MODELS.glob("voice-cues*/model.onnx"))
shipped = pytest.mark.parametrize("folder", SHIPPED, ids=lambda folder: folder.name)
NEEDED = ("scipy", "soxr")
missing = [name for name in NEEDED if importlib.util.find_spec(name) is None]
lines = pytest.mark.skipif(bool(missing), reason=f"needs {', '.join(missing)}, for training only")


@pytest.mark.parametrize(
    ("name", "speaker", "sex", "label", "intensity"),
    [
        ("Actor_07/03-01-05-02-01-02-07.wav", "ravdess_07", "M", "anger", "strong"),
        ("03-01-02-01-02-01-24.wav", "ravdess_24", "F", "calm", "normal"),
    ],
)
def test_the_name_of_a_ravdess_file_tells_actor_and_emotion(name, speaker, sex, label, intensity):
    clip = corpora.from_ravdess(name)
    assert clip is not None
    assert (clip.speaker, clip.sex, clip.label, clip.intensity) == (speaker, sex, label, intensity)


@pytest.mark.parametrize(
    "name",
    ["01-01-05-02-01-02-07.wav", "03-02-05-02-01-02-07.wav", "03-01-09-01-01-01-01.wav", "x.wav"],
)
def test_video_song_and_other_files_are_no_ravdess_speech(name):
    assert corpora.from_ravdess(name) is None


@pytest.mark.parametrize(
    ("name", "speaker", "sex", "label"),
    [
        ("03a01Fa.wav", "emodb_03", "M", "happiness"),
        ("wav/16b10Wb.wav", "emodb_16", "F", "anger"),
        ("08a07La.wav", "emodb_08", "F", "boredom"),
    ],
)
def test_the_name_of_an_emodb_file_tells_speaker_and_emotion(name, speaker, sex, label):
    clip = corpora.from_emodb(name)
    assert clip is not None
    assert (clip.speaker, clip.sex, clip.label) == (speaker, sex, label)


def test_the_name_of_a_cremad_file_tells_actor_emotion_and_intensity():
    clip = corpora.from_cremad("AudioWAV/1001_IEO_HAP_LO.wav", {"1001": "M"})
    assert clip is not None
    assert (clip.speaker, clip.sex, clip.label) == ("cremad_1001", "M", "happiness")
    assert clip.intensity == "low"


def test_a_downloaded_corpus_is_recognised_by_its_file_names(tmp_path):
    (tmp_path / "Actor_01").mkdir()
    (tmp_path / "Actor_01" / "03-01-01-01-01-01-01.wav").touch()
    (tmp_path / "Actor_01" / "notes.txt").touch()
    (clip,) = corpora.read_corpus(tmp_path)
    assert (clip.corpus, clip.label) == ("ravdess", "neutral")


def test_a_folder_of_unknown_files_is_named_in_the_error(tmp_path):
    (tmp_path / "a.wav").touch()
    with pytest.raises(ValueError, match=tmp_path.name):
        corpora.read_corpus(tmp_path)


def test_a_manifest_is_read_with_the_speakers_as_given(tmp_path):
    (tmp_path / "manifest.csv").write_text(
        "path,speaker,sex,label,intensity,text,seconds\nb.opus,x_2,F,anger,,,1\na.opus,x_1,M,calm,,,1\n"
    )
    first, second = corpora.read_corpus(tmp_path)
    assert (first.path, first.speaker, second.label) == ("a.opus", "x_1", "anger")


def clip(corpus, label, speaker="s"):
    return corpora.Clip(corpus, "p", speaker, "", label, "", "")


def test_a_class_that_a_corpus_has_not_is_left_open_rather_than_denied():
    found = rows.targets(
        [clip("nemo", "anger"), clip("nemo", "neutral"), clip("casia", "surprise")]
    )
    anger, surprise = corpora.CLASSES.index("anger"), corpora.CLASSES.index("surprise")
    assert found.allowed[0, anger] == 1
    assert found.allowed[0, surprise] == 0
    assert found.allowed[2, surprise] == 1


def test_every_corpus_and_every_class_of_it_weighs_the_same():
    clips = [clip("nemo", "anger")] * 9 + [clip("nemo", "neutral")] + [clip("casia", "fear")] * 2
    weight = rows.targets(clips).weight
    assert weight[:9].sum() == pytest.approx(weight[9])
    assert weight[:10].sum() == pytest.approx(weight[10:].sum())


def test_levels_of_arousal_teach_arousal_and_no_emotion():
    found = rows.targets([clip("baved", "arousal_high"), clip("baved", "arousal_low")])
    assert found.emotion.sum() == 0
    assert found.dims[0, 0] > found.dims[1, 0]
    assert np.isnan(found.dims[:, 1]).all()


def test_calm_is_neutral_where_it_is_the_only_quiet_class():
    assert rows.label_of(clip("emospeech_commands", "calm")) == "neutral"
    assert rows.label_of(clip("ravdess", "calm")) == "calm"


@given(st.lists(st.tuples(st.integers(-5, 5), st.booleans()), min_size=2, max_size=40))
def test_the_auc_is_the_share_of_pairs_in_order(pairs):
    score = np.array([float(s) for s, _ in pairs])
    positive = np.array([p for _, p in pairs])
    ups, downs = score[positive], score[~positive]
    found = measures.auc(score, positive)
    if not len(ups) or not len(downs):
        assert np.isnan(found)
        return
    order = np.sign(ups[:, None] - downs[None, :])
    assert found == pytest.approx((order > 0).mean() + (order == 0).mean() / 2)


def test_recalls_are_averaged_over_classes_however_rare():
    truth = np.array(["a"] * 9 + ["b"])
    assert measures.uar(["a"] * 10, truth) == 0.5


def test_the_calibration_error_of_sure_and_wrong_is_one():
    sure = np.full(10, 0.999)
    assert measures.ece(sure, np.zeros(10, bool)) == pytest.approx(0.999)
    assert measures.ece(np.full(10, 0.7), np.arange(10) < 7) == pytest.approx(0, abs=1e-9)


def test_too_sure_logits_are_given_a_higher_temperature():
    rng = np.random.default_rng(0)
    truth = rng.integers(0, 3, 4000)
    logits = np.eye(3)[np.where(rng.random(4000) < 0.7, truth, rng.integers(0, 3, 4000))] * 8
    warm = measures.temperature(logits, truth)
    assert warm > 2
    assert measures.temperature(logits / warm, truth) == pytest.approx(1, abs=0.05)


def test_log_odds_of_anger_are_those_of_its_posterior():
    logits = np.array([[0.3, -1.0, 2.0], [5.0, 1.0, -3.0]])
    p = np.exp(measures.log_softmax(logits))[:, 1]
    assert measures.anger_log_odds(logits, 1) == pytest.approx(np.log(p / (1 - p)))


def test_an_interval_over_few_speakers_is_wide():
    score = np.arange(40.0)
    many, few = np.arange(40).astype(str), (np.arange(40) // 20).astype(str)
    low, high = measures.interval(lambda i: float(score[i].mean()), many, draws=200)
    wide_low, wide_high = measures.interval(lambda i: float(score[i].mean()), few, draws=200)
    assert wide_high - wide_low > high - low


@lines
def test_a_telephone_line_keeps_the_length_and_the_band():
    from voice_cues import augment

    time = np.arange(16000) / 16000
    low, mid = (np.sin(2 * np.pi * f * time).astype(np.float32) * 0.3 for f in (80, 1000))
    assert augment.telephone(mid).size == 16000
    assert np.std(augment.telephone(low)) < 0.02 < np.std(augment.telephone(mid))


@lines
@pytest.mark.parametrize("law", ["mu_law", "a_law"])
def test_companding_errs_by_a_fortieth_at_most(law):
    from voice_cues import augment

    pcm = np.linspace(-0.99, 0.99, 999, dtype=np.float32)
    error = np.abs(getattr(augment, law)(pcm) - pcm)
    assert (error <= np.abs(pcm) / 20 + 0.001).all()


@lines
@given(st.floats(-40, -10), st.floats(0.001, 0.9))
def test_a_level_is_reached_from_any_gain(dbfs, gain):
    from voice_cues import augment

    pcm = (np.sin(np.arange(16000) * 0.3) * gain).astype(np.float32)
    found = 20 * np.log10(np.std(augment.level(pcm, dbfs)))
    assert found == pytest.approx(dbfs, abs=0.1)


@lines
def test_everything_that_may_happen_to_speech_leaves_it_finite_and_in_range():
    from voice_cues import augment

    rng = np.random.default_rng(1)
    speech = (rng.standard_normal(24000) * 0.05).astype(np.float32)
    for _ in range(20):
        out = augment.disturbed(speech, speech[::-1].copy(), rng)
        assert out.size == speech.size
        assert np.isfinite(out).all()
        assert np.abs(out).max() <= 1.2


# ---------------------------------------------------------------- the files that are shipped


def session(folder):
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    return onnxruntime.InferenceSession(
        str(folder / "model.onnx"), options, providers=["CPUExecutionProvider"]
    )


@shipped
def test_the_file_says_what_the_training_computed_but_for_int8(folder):
    expected = json.loads((folder / "parity.json").read_text())
    ran = session(folder)
    for i, sound in enumerate(probes.probes()):
        told = ran.run(list(expected), {"audio": sound[None]})
        for name, value in zip(expected, told, strict=True):
            assert value[0].reshape(-1)[:10] == pytest.approx(expected[name][i], abs=0.6), name


@shipped
@pytest.mark.parametrize("gain", [0.25, 4.0])
def test_twelve_decibels_more_or_less_change_no_posterior(folder, gain):
    ran, sound = session(folder), probes.probes()[1]
    usual, moved = (
        ran.run(["emotion", "arousal"], {"audio": s[None]})
        for s in (sound, sound * np.float32(gain))
    )
    assert (
        np.abs(
            np.exp(measures.log_softmax(usual[0])) - np.exp(measures.log_softmax(moved[0]))
        ).max()
        < 0.03
    )
    assert abs(float(usual[1][0] - moved[1][0])) < 0.1


@shipped
@pytest.mark.parametrize(
    "sound",
    [np.zeros(48000), np.full(48000, 0.7), np.sign(np.sin(np.arange(48000))), np.zeros(1600)],
    ids=["silence", "a constant", "clipped", "a tenth of a second"],
)
def test_no_sound_makes_it_say_what_is_no_number(folder, sound):
    for value in session(folder).run(None, {"audio": sound[None].astype(np.float32)}):
        assert np.isfinite(value).all()


@shipped
def test_the_file_carries_what_its_reader_needs(folder):
    about = session(folder).get_modelmeta().custom_metadata_map
    assert json.loads(about["labels"]) == list(corpora.LABELS)
    assert 0 < json.loads(about["thresholds"])["anger"] < 1
    assert json.loads(about["baseline"])["arousal"]["sd_within"] > 0
    assert ("non-commercial" in about["license"]) == (not about["name"].endswith("permissive"))


@shipped
def test_the_file_is_small(folder):
    assert (folder / "model.onnx").stat().st_size < 8e6


# ---------------------------------------------------------------- the card


def test_a_table_is_put_between_its_markers_and_nothing_else_is_touched(tmp_path):
    path = tmp_path / "README.md"
    begin, end = card.BEGIN.format("x"), card.END.format("x")
    path.write_text(f"before\n{begin}\nold\n{end}\nafter\n")
    card.written(path, {"x": "new"})
    assert path.read_text() == f"before\n{begin}\nnew\n{end}\nafter\n"


def test_a_missing_figure_is_a_dash():
    assert [card.shown(x) for x in (None, float("nan"), [], [1.0, 0.5, 2.0])] == [
        "-",
        "-",
        "-",
        "1.0 [0, 2]",
    ]
