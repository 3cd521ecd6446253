"""Every awkward file of the real collection: read with this many samples, or refused with this code."""

from __future__ import annotations

from pathlib import Path

import pytest

from synth.catalog.scan import scan
from synth.errors import BadInput
from synth.processes.pool import Pool
from synth.recipe.model import Limits, Source

EXPECTED: dict[str, int | str] = {
    "audiomentations__bus.opus": 36682,
    "audiomentations__digital_silence.wav": 29976,
    "audiomentations__mono_float64.wav": 22,
    "audiomentations__ms_adpcm.wav": "unsupported",
    "audiomentations__signed_24bit.wav": 54514,
    "augly__silent.flac": 44100,
    "bw64__noise_24bit_uneven_data_chunk_size.wav": 13,
    "bw64__rect_24bit_bext.wav": 22050,
    "bw64__rect_24bit_rf64.wav": 22050,
    "bw64__rect_24bit_wrong_fmt_size.wav": "truncated",
    "claxon__02947f56c6c14d3d3d756dbeecc06352e66bd18a.flac": "truncated",
    "claxon__0fd738fd5832a540bef0743db62f68c0c642e095.flac": "truncated",
    "claxon__23d1288573bb3485769da0a969bf5a5c20bd54f2.flac": "corrupt",
    "claxon__5b004788ba05db06d0f6cc8a7a43e334c9d31c44.flac": "truncated",
    "claxon__64a18b4b38239295b0c2c9f8df778df3edddebbd.flac": "too_long",
    "claxon__short.flac": 4,
    "claxon__wasted_bits.flac": 4410,
    "cpython__audiotest.au": 28110,
    "cpython__pluck-pcm24-ext.wav": 3307,
    "cpython__pluck-pcm8.wav": 3307,
    "derived__aiff.aiff": 48000,
    "derived__alaw.wav": 48000,
    "derived__antiphase.wav": 48000,
    "derived__au.au": 48000,
    "derived__caf.caf": 48000,
    "derived__channels_zero.wav": "bad_channels",
    "derived__claims_hours.wav": "truncated",
    "derived__clipped.wav": 48000,
    "derived__cut_mid_sample.wav": "truncated",
    "derived__dc.wav": 48000,
    "derived__f64.wav": 48000,
    "derived__flac_cut.flac": "truncated",
    "derived__flac_hole.flac": "corrupt",
    "derived__header_only_cut.wav": "truncated",
    "derived__inf.wav": "nonfinite",
    "derived__lead_silence.wav": 176000,
    "derived__mp3.mp3": 48000,
    "derived__nan.wav": "nonfinite",
    "derived__no_samples.wav": "empty",
    "derived__odd_rate.wav": 48000,
    "derived__one_ch_silent.wav": 48000,
    "derived__one_sample.wav": 1,
    "derived__opus.opus": 48000,
    "derived__over1.wav": 48000,
    "derived__pcm24.wav": 48000,
    "derived__quiet.wav": 48000,
    "derived__rate_lies.wav": 48000,
    "derived__rate_zero.wav": "bad_rate",
    "derived__rf64.wav": 48000,
    "derived__rifx.wav": 48000,
    "derived__size_ffffffff.wav": 48000,
    "derived__size_zero.wav": "empty",
    "derived__text_named_wav.wav": "not_audio",
    "derived__u8.wav": 48000,
    "derived__ulaw.wav": 48000,
    "derived__vorbis.ogg": 48000,
    "derived__w64.w64": 48000,
    "derived__wav_named_mp3.mp3": 48000,
    "derived__wavex51.wav": 48000,
    "derived__zero_bytes.wav": "not_audio",
    "derived__zeros.wav": 32000,
    "derived__имя с пробелом ü 数字.wav": 48000,
    "flac__faulty_01_wrong_max_blocksize.flac": 101999,
    "flac__faulty_03_wrong_bit_depth.flac": 89903,
    "flac__faulty_05_wrong_total_number_of_samples.flac": 39842,
    "flac__faulty_06_missing_streaminfo_metadata_block.flac": "corrupt",
    "flac__faulty_11_incorrect_metadata_block_length.flac": "corrupt",
    "flac__subset_23_8_bit_per_sample.flac": 339973,
    "flac__subset_41_6_channels_5.1_.flac": 357223,
    "flac__subset_45_no_total_number_of_samples_set.flac": 336410,
    "flac__uncommon_01_changing_samplerate.flac": 555747,
    "flac__uncommon_10_file_starting_at_frame_header.flac": "not_audio",
    "goaudio__listinfo.wav": 88200,
    "goaudio__padded24b.wav": 3713,
    "hound__crash-24728523ef4be15c838293b676f6853e73723bf4.wav": "unsupported",
    "hound__nonstandard-01.wav": 1,
    "hound__oom-48ae4cd061ff8578ad3f23dc87624bd365cf5216.wav": "truncated",
    "hound__pcmwaveformat-16bit-44100Hz-mono-extra.wav": 4,
    "hound__pop.wav": 100,
    "hound__waveformatex-8bit-11025Hz-mono.wav": 4,
    "hound__waveformatextensible-24bit-192kHz-mono.wav": 4,
    "lhotse__common_voice_en_651325.mp3": 114048,
    "lhotse__stereo.opus": 8043,
    "lhotse__stereo.sph": "not_audio",
    "mm__M1F1-AlawC-AFsp.aif": 23493,
    "mm__Pnossnd.aif": "empty",
    "mm__adts-0-frame.mp3": "truncated",
    "mm__adts-mpeg4-2.aac": "not_audio",
    "mm__audio.speex.ogg": "unsupported",
    "mm__no-last-page.oga": "truncated",
    "mm__test-unknown-duration.flac": 220500,
    "mutagen__106-invalid-streaminfo.flac": "corrupt",
    "mutagen__adif.aac": "not_audio",
    "mutagen__bad-xing.mp3": "truncated",
    "mutagen__variable-block.flac": "truncated",
    "mutagen__xing.mp3": "truncated",
    "pedalboard__adpcm_ima.wav": "unsupported",
    "pedalboard__alaw.wav": 44100,
    "pedalboard__bad_audio_file_lyrics3.mp3": "corrupt",
    "pedalboard__mp3_in_wav.wav": "unsupported",
    "pedalboard__no_header.mp3": 43776,
    "pedalboard__zero_channels.mp3": "corrupt",
    "pocketsphinx__awful.wav": "bad_rate",
    "pocketsphinx__bad.wav": "truncated",
    "pydub__tessst.mp3": 69120,
    "pydub__test-dc_offset.wav": 220500,
    "pydub__test1-8bit.wav": 320303,
    "pydub__test1_empty.wav": "empty",
    "pydub__test5.webm": "not_audio",
    "scipy__test-1234Hz-le-1ch-10S-20bit-extra.wav": "bad_rate",
    "scipy__test-44100Hz-2ch-32bit-float-le.wav": 441,
    "scipy__test-44100Hz-be-1ch-4bytes.wav": 4410,
    "scipy__test-44100Hz-le-1ch-4bytes-early-eof.wav": "truncated",
    "scipy__test-44100Hz-le-1ch-4bytes-incomplete-chunk.wav": "truncated",
    "scipy__test-44100Hz-le-1ch-4bytes-rf64.wav": 4410,
    "scipy__test-8000Hz-le-1ch-1byte-ulaw.wav": 9,
    "scipy__test-8000Hz-le-2ch-1byteu.wav": 800,
    "scipy__test-8000Hz-le-3ch-5S-24bit.wav": 5,
    "scipy__test-8000Hz-le-3ch-5S-64bit.wav": "unsupported",
    "scipy__test-8000Hz-le-4ch-9S-12bit.wav": 9,
    "sphinx4__test.aiff": 43180,
    "sphinx4__test.au": 43180,
    "tinytag__8khz_5s.opus": 40000,
    "tinytag__adpcm_no_byterate.wav": "unsupported",
    "tinytag__alac_silence.m4a": "not_audio",
    "tinytag__empty_file.wav": "not_audio",
    "tinytag__flac1sMono.flac": 44100,
    "tinytag__gsm_6_10.wav": "unsupported",
    "tinytag__id3_header_with_a_zero_byte.wav": 22050,
    "tinytag__incomplete.mp3": "not_audio",
    "tinytag__invalid_file.wav": "not_audio",
    "tinytag__invalid_sample_rate.aiff": "empty",
    "tinytag__mp3_audio.wav": "unsupported",
    "tinytag__mpeg25_8khz_vbr.mp3": 800,
    "tinytag__no_audio_data_uncompressed.wav": "empty",
    "tinytag__riff_extra_zero.wav": 5120,
    "tinytag__silence.opus": 4800,
    "xiph__24bit-WaveFmtPCM.wav": 441,
    "xiph__AIFF-ID3.aiff": 1454,
}


@pytest.fixture
def awkward(real_audio: Path) -> Path:
    return real_audio / "awkward"


def test_the_table_names_every_file(awkward: Path) -> None:
    assert {path.name for path in awkward.iterdir()} == EXPECTED.keys()


def test_each_file_is_read_or_refused_as_the_table_says_in_bounded_memory(awkward: Path) -> None:
    names = sorted(EXPECTED)
    found: dict[str, int | str] = {}
    with Pool(jobs=1) as pool:
        tasks = [(str(awkward / name),) for name in names]
        for index, answer in pool.map("tests.processes.hostile:read_and_measure", tasks, timeout_s=30):
            assert not isinstance(answer, BadInput), answer
            outcome, megabytes = answer
            found[names[index]] = int(outcome[3:]) if outcome.startswith("ok ") else outcome
            assert megabytes < 300, names[index]
    assert found == EXPECTED


def test_a_scan_refuses_only_what_the_table_refuses_and_counts_as_it_does(awkward: Path, cache: Path) -> None:
    limits = Limits(max_speech_s=3600)
    catalog = scan([Source("awkward", str(awkward))], folder=Path("/"), limits=limits, cache=cache, jobs=2)
    refused = {refusal.path: refusal.code for refusal in catalog.refused}
    by_name = {name for name in EXPECTED if name.rsplit(".", 1)[1] in ("webm", "m4a", "aac", "sph")}
    assert {name for name, code in refused.items() if EXPECTED[name] != code} == by_name, (
        "their bytes are not looked at"
    )
    assert {refused[name] for name in by_name} == {"unsupported"}
    counted = {recording.path: recording.num_samples for recording in catalog}
    sound_is_not_read_by_a_scan = {"truncated", "corrupt", "nonfinite"}
    for path, count in counted.items():
        assert EXPECTED[path] == count or EXPECTED[path] in sound_is_not_read_by_a_scan
    assert counted.keys() | refused.keys() == EXPECTED.keys(), "no file is passed over (B10)"
