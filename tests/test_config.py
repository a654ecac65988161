"""Settings, and mistakes in them."""

import codecs
from pathlib import Path

import pytest

from tonewise import config, plugins
from tonewise.errors import ConfigError, PluginError


def loaded(tmp_path: Path, text: str, **environ: str) -> config.Config:
    path = tmp_path / "tonewise.toml"
    path.write_text(text)
    return config.load(path, environ)


def test_without_a_file_everything_has_a_default(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    settings = config.load(None, {})
    assert settings.vad.use == "silero"
    assert settings.stt.use == "auto"
    assert [model.use for model in settings.models] == ["demo", "demo"]
    assert {model.route for model in settings.models} == {"fast", "frontier"}


def test_a_file_in_the_current_folder_is_found(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path("tonewise.toml").write_text("[turns]\npatience = 0.5")
    assert config.load(None, {}).turns.patience == 0.5


def test_an_environment_variable_overrides_the_file(tmp_path):
    settings = loaded(
        tmp_path,
        "[turns]\npatience = 0.5",
        TONEWISE_TURNS__PATIENCE="0.9",
        TONEWISE_STT__USE="scripted",
        TONEWISE_SERVER__ORIGINS='["https://example.org"]',
    )
    assert settings.turns.patience == 0.9
    assert settings.stt.use == "scripted"
    assert settings.server.origins == ("https://example.org",)


@pytest.mark.parametrize(
    ("key", "engine"),
    [("OPENAI_API_KEY", "openai_compatible"), ("ANTHROPIC_API_KEY", "anthropic")],
)
def test_with_a_key_set_real_models_answer(tmp_path, key, engine):
    models = loaded(tmp_path, "", **{key: "secret-value"}).models
    assert [model.use for model in models] == [engine, engine]
    assert "secret-value" not in repr(models)


def test_models_that_are_named_win_over_any_key(tmp_path):
    text = '[[models]]\nname = "mine"\nroute = "fast"\nuse = "demo"'
    assert [m.name for m in loaded(tmp_path, text, OPENAI_API_KEY="x").models] == ["mine"]


@pytest.mark.parametrize(
    ("text", "complaints"),
    [
        ("[turnz]\n", ["'turnz'", "did you mean 'turns'", "server"]),
        ("[turns]\npatiense = 1", ["'turns.patiense'", "did you mean 'patience'", "lull"]),
        ("[turns]\npatience = 'long'", ["turns.patience", "float", "str"]),
        ("[turns]\npatience = 99", ["turns.patience", "<= 5"]),
        ("[turns]\npatience = 0.1", ["turns.patience", "longer than turns.lull"]),
        ("[vad]\nuse = 'silerro'", ["vad.use", "did you mean 'silero'", "webrtc"]),
        ("[server]\nport = 70000", ["server.port", "65535"]),
        ("[[models]]\nname='a'\nrout='fast'", ["models.rout", "did you mean 'route'"]),
        ("[[models]]\nname='a'\nuse='demoo'", ["models[0].use", "did you mean 'demo'"]),
        ("[[models]]\nroute='fast'", ["name"]),
        ("[[models]]\nname='a'\nroute='fats'\nuse='demo'", ["'fats'", "did you mean 'fast'"]),
        ("[[models]]\nname='a'\n[[models]]\nname='a'", ["'a'", "its own name"]),
        ("turns = 3", ["turns", "object"]),
        ("[turns\n", ["TOML"]),
    ],
)
def test_a_mistake_is_named_with_its_key_and_the_choices(tmp_path, text, complaints):
    with pytest.raises(ConfigError) as caught:
        loaded(tmp_path, text)
    for complaint in ["tonewise.toml", *complaints]:
        assert complaint in str(caught.value)


@pytest.mark.parametrize(
    ("name", "complaint"),
    [
        ("TONEWISE_TURNS__PATIENSE", "did you mean 'patience'"),
        ("TONEWISE_TURN__PATIENCE", "did you mean 'turns'"),
        ("TONEWISE_PATIENCE", "TONEWISE_PATIENCE"),
        ("TONEWISE_TURNS", "<SECTION>__<KEY>"),
    ],
)
def test_a_mistyped_environment_variable_is_named(tmp_path, name, complaint):
    with pytest.raises(ConfigError, match=name) as caught:
        loaded(tmp_path, "", **{name: "1"})
    assert complaint in str(caught.value)


def test_a_value_where_a_section_should_be_is_named_whatever_the_environment_says(tmp_path):
    with pytest.raises(ConfigError, match="turns: expected `object`"):
        loaded(tmp_path, "turns = 3", TONEWISE_TURNS__PATIENCE="0.5")


def test_a_file_that_cannot_be_read_is_named(tmp_path):
    with pytest.raises(ConfigError, match=r"nowhere\.toml"):
        config.load(tmp_path / "nowhere.toml", {})
    (tmp_path / "bad.toml").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(ConfigError, match=r"bad\.toml"):
        config.load(tmp_path / "bad.toml", {})


def test_a_file_that_is_not_utf_8_is_told_with_the_line_to_look_at(tmp_path):
    (tmp_path / "old.toml").write_bytes("[server]\nport = 1\n# für alle\n".encode("cp1252"))
    with pytest.raises(ConfigError, match=r"old\.toml: line 3 is not UTF-8") as refused:
        config.load(tmp_path / "old.toml", {})
    assert "codec" not in str(refused.value)


def test_a_plug_in_is_a_file():
    assert plugins.names("vad") == ["silero", "webrtc"]
    assert "dispatch" not in plugins.names("llm")  # shared by the room, not an engine


def test_an_engine_of_the_users_own_is_a_module(tmp_path, monkeypatch):
    package = tmp_path / "my_package"
    package.mkdir()
    (package / "__init__.py").touch()
    (package / "my_stt.py").write_text("def load(greeting='hello'):\n    return greeting\n")
    monkeypatch.syspath_prepend(tmp_path)
    assert plugins.load("stt", "my_package.my_stt", {"greeting": "hi"}) == "hi"
    with pytest.raises(ConfigError, match="greeting"):
        plugins.load("stt", "my_package.my_stt", {"greting": "hi"})


def test_an_engine_of_the_users_own_may_be_a_single_file(tmp_path, monkeypatch):
    settings = tmp_path / "tonewise.toml"
    settings.write_text('[stt]\nuse = "my_single_parrot"\n')
    with pytest.raises(
        ConfigError, match=r"no stt 'my_single_parrot'.*a module of your own.*PYTHONPATH=."
    ):
        config.load(settings, {})
    (tmp_path / "my_single_parrot.py").write_text("def load():\n    return 'squawk'\n")
    monkeypatch.syspath_prepend(tmp_path)
    assert config.load(settings, {}).stt.use == "my_single_parrot"
    assert plugins.load("stt", "my_single_parrot") == "squawk"


def test_a_package_that_is_called_as_an_engine_might_be_is_none():
    with pytest.raises(PluginError, match="did you mean 'openai_compatible'"):
        plugins.load("llm", "openai")


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("def load(:", "cannot be imported: SyntaxError: invalid syntax"),
        ("1 / 0\n\ndef load(): ...", "cannot be imported: ZeroDivisionError: division by zero"),
        ("def load():\n    1 / 0", r"its load\(\) failed: ZeroDivisionError: division by zero"),
    ],
    ids=["syntax", "import", "load"],
)
def test_a_broken_engine_of_the_users_own_is_named_in_one_line(
    tmp_path, monkeypatch, text, complaint
):
    name = f"broken_{abs(hash(text))}"
    (tmp_path / f"{name}.py").write_text(text)
    monkeypatch.syspath_prepend(tmp_path)
    with pytest.raises(PluginError, match=f"stt '{name}'.*{complaint}"):
        plugins.load("stt", name)


def test_an_engine_that_does_not_exist_or_lacks_a_package_says_what_to_do(tmp_path, monkeypatch):
    with pytest.raises(PluginError, match="choose one of silero, webrtc"):
        plugins.load("vad", "silerro")
    with pytest.raises(PluginError, match=r"no module 'no_such_package'"):
        plugins.load("vad", "no_such_package.vad")
    (tmp_path / "needy_package").mkdir()
    (tmp_path / "needy_package" / "vad.py").write_text("import package_from_nowhere\n")
    monkeypatch.syspath_prepend(tmp_path)
    with pytest.raises(PluginError, match=r"needs 'package_from_nowhere'.*pip install"):
        plugins.load("vad", "needy_package.vad")
    (tmp_path / "needy_package" / "stt.py").write_text("raise ImportError('no libgomp.so.1')\n")
    with pytest.raises(PluginError, match=r"'needy_package.stt' cannot be imported: no libgomp"):
        plugins.load("stt", "needy_package.stt")


def test_an_option_that_an_engine_cannot_do_without_is_named():
    with pytest.raises(ConfigError, match="llm 'openai_compatible' needs the option 'model'"):
        plugins.load("llm", "openai_compatible")


def test_how_attempts_are_made_can_be_set(tmp_path):
    assert loaded(tmp_path, "[attempts]\nsecond_tries = 0").attempts.second_tries == 0
    with pytest.raises(ConfigError, match=r"attempts\.coldown.*did you mean 'cooldown'"):
        loaded(tmp_path, "[attempts]\ncoldown = 3")


def test_a_file_from_an_editor_that_marks_its_encoding_is_read(tmp_path):
    file = tmp_path / "notepad.toml"
    file.write_bytes(codecs.BOM_UTF8 + b"[turns]\r\npatience = 0.5\r\n")
    assert config.load(file, {}).turns.patience == 0.5


def test_a_model_needs_a_name(tmp_path):
    file = tmp_path / "nameless.toml"
    file.write_text('[[models]]\nname = ""\n')
    with pytest.raises(ConfigError, match=r"models\[0\].name"):
        config.load(file, {})


@pytest.mark.parametrize("use", ["../mine", "./mine", "mine.", ".mine", "my-package.stt"])
def test_an_engine_is_named_as_a_module_not_as_a_path(use):
    with pytest.raises(PluginError, match="write a module's name"):
        plugins.load("stt", use)


def test_a_variable_that_the_file_names_is_no_key_of_the_file(tmp_path):
    path = tmp_path / "t.toml"
    path.write_text("[[clients]]\nname = 'app'\ntoken_env = 'TONEWISE_APP_KEY'\n")
    found = config.load(path, {"TONEWISE_APP_KEY": "a key of the application"})
    assert found.clients[0].token_env == "TONEWISE_APP_KEY"
    with pytest.raises(ConfigError, match="TONEWISE_OTHER_KEY"):
        config.load(path, {"TONEWISE_OTHER_KEY": "x"})
