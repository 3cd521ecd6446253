"""What Opus and MP3 cost and save: size, time and error at several bit rates, on the clips of a data set of FLAC files.

    python benchmarks/lossy.py DATA_SET [--clips 60]

For each format and bit rate: kbit/s and size as a share of FLAC; seconds to encode and to decode an hour of sound on
one core; error_db as in the manifest (median); segmental SNR (mean over frames of 20 ms within 40 dB of the loudest,
each held between -10 and 35 dB); mean absolute difference of the levels of 20 mel bands in such frames; the 95 %
quantile of how much higher the peak is; and the share of clips with a sample beyond full scale.
"""

from __future__ import annotations

import argparse
import json
import time
from pathlib import Path

import librosa
import numpy as np
import numpy.typing as npt
import soundfile

from synth.audio.encode import encode
from synth.audio.lossy_codec import decode_lossy, decoded_pcm, encode_lossy
from synth.dataset.lossy_clip import coding_error_db

BIT_RATES = (12, 16, 24, 32, 48, 64, 96, 128)
Clips = list[npt.NDArray[np.int16]]


def loud_frames(samples: npt.NDArray[np.float64], length: int) -> npt.NDArray[np.bool_]:
    """The frames of `length` samples whose power is within 40 dB of the loudest."""
    power = (samples[: len(samples) // length * length].reshape(-1, length) ** 2).mean(1)
    return np.asarray(power > power.max() * 1e-4)


def segmental_snr(before: npt.NDArray[np.float64], after: npt.NDArray[np.float64], length: int) -> float:
    """Mean SNR (dB) of loud frames."""
    count = len(before) // length * length
    loud = loud_frames(before, length)
    signal = (before[:count].reshape(-1, length) ** 2).sum(1)[loud]
    error = ((after - before)[:count].reshape(-1, length) ** 2).sum(1)[loud]
    return float(np.clip(10 * np.log10(signal / np.maximum(error, 1e-12)), -10, 35).mean())


def band_difference(before: npt.NDArray[np.float64], after: npt.NDArray[np.float64], rate: int) -> float:
    """Mean absolute difference (dB) of the levels of 20 mel bands in loud frames of 20 ms."""
    length = rate // 50
    bands = [
        librosa.feature.melspectrogram(y=x, sr=rate, n_fft=512, hop_length=length, n_mels=20, center=False) + 1e-9
        for x in (before, after)
    ]
    loud = loud_frames(before, length)[: bands[0].shape[1]]
    ratio = 10 * np.log10(bands[1] / bands[0])[:, : len(loud)][:, loud]
    return float(np.abs(ratio).mean())


def measure(clips: Clips, rate: int, name: str, bit_rate: float, flac_bytes: int) -> str:
    """One row of the table."""
    seconds = sum(map(len, clips)) / rate
    start = time.process_time()
    files = [encode_lossy(x, rate, name, bit_rate_kbps=bit_rate, name=str(k)) for k, x in enumerate(clips)]
    encoded = time.process_time()
    decoded = [decode_lossy(data) for data in files]
    ended = time.process_time()
    size = sum(map(len, files))
    errors, segmental, bands, peaks, beyond = [], [], [], [], 0
    for clip, samples in zip(clips, decoded, strict=True):
        before, after = clip / 32768, samples.astype(np.float64)
        errors.append(coding_error_db(clip, decoded_pcm(samples)))
        segmental.append(segmental_snr(before, after, rate // 50))
        bands.append(band_difference(before, after, rate))
        peaks.append(20 * np.log10(np.abs(after).max() / np.abs(before).max()))
        beyond += np.abs(after).max() > 1
    return (
        f"{name:5} {bit_rate:4g} {size * 8 / seconds / 1000:6.1f} {size / flac_bytes:6.3f} "
        f"{(encoded - start) / seconds * 3600:7.1f} {(ended - encoded) / seconds * 3600:7.1f} {np.median(errors):7.1f} "
        f"{np.mean(segmental):7.1f} {np.mean(bands):7.2f} {np.quantile(peaks, 0.95):6.2f} {beyond / len(clips):6.2%}"
    )


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("dataset", type=Path)
    parser.add_argument("--clips", type=int, default=60)
    options = parser.parse_args()
    rows = [json.loads(line) for line in (options.dataset / "manifest.jsonl").read_text().splitlines()]
    rows = rows[:: max(1, len(rows) // options.clips)]
    rate = rows[0]["sampling_rate"]
    clips = [soundfile.read(options.dataset / row["audio_filepath"], dtype="int16")[0] for row in rows]
    seconds = sum(map(len, clips)) / rate
    start = time.process_time()
    flac_bytes = sum(len(encode(clip, rate, "flac")) for clip in clips)
    elapsed = time.process_time() - start
    print(
        f"{len(clips)} clips, {seconds / 60:.1f} min at {rate} Hz; flac: {flac_bytes * 8 / seconds / 1000:.1f} kbit/s"
    )
    print(f"and {elapsed / seconds * 3600:.1f} s of encoding per hour of sound")
    print("name  rate kbit/s /flac   enc s/h dec s/h error dB seg.SNR bands dB  peak  beyond")
    for name in ("opus", "mp3"):
        for bit_rate in BIT_RATES:
            if name == "opus" or bit_rate >= 16:
                print(measure(clips, rate, name, bit_rate, flac_bytes), flush=True)


if __name__ == "__main__":
    main()
