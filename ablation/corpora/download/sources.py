"""Where corpora can be downloaded: addresses, sizes, known checksums, licences, citations.

A checksum is listed only if the corpus's home, or a public project that uses the file, has
published it; ``known_from`` says who. Without one, the file is whatever its home sends that day;
its checksum is then recorded with the corpus, so that two downloads can be compared.
"""

from dataclasses import dataclass


@dataclass(frozen=True)
class Archive:
    """A ZIP file that holds a corpus.

    ``size`` (bytes) and ``checksum`` ("md5:..." or "sha256:...") are None if nobody has published
    them; ``known_from`` names who has.
    """

    url: str
    size: int | None = None
    checksum: str | None = None
    known_from: str = ""


@dataclass(frozen=True)
class Source:
    """How a corpus is fetched.

    Parameters
    ----------
    archives
        In the order in which they are tried, until an address answers.
    recordings
        How many recordings the reader finds in the complete corpus.
    unpacked
        The most bytes that the archive may unpack to: several times what it does.
    keep
        A regular expression that matches the names of the members to unpack.
    recordings_at
        For a repository's archive with Git LFS pointers in place of recordings: addresses of the
        folder that contains the recordings, in the order in which they are tried. For an archive
        from another server (``--from``) it is the folder ``AudioWAV`` beside it.
    """

    title: str
    home: str
    licence: str
    citation: str
    archives: tuple[Archive, ...]
    recordings: int
    unpacked: int
    keep: str = r"(?!.*(^|/)(__MACOSX|\.DS_Store)(/|$)).*"
    recordings_at: tuple[str, ...] = ()


SOURCES: dict[str, Source] = {
    "emodb": Source(
        title="Berlin Database of Emotional Speech (EmoDB)",
        home="https://doi.org/10.5281/zenodo.7447302 (first home: http://emodb.bilderbar.info)",
        licence="CC BY 4.0 at Zenodo; the first home names no licence and asks for the citation",
        citation="Burkhardt, Paeschke, Rolfes, Sendlmeier, Weiss: A Database of German Emotional "
        "Speech. Interspeech 2005",
        archives=(
            Archive(
                "https://zenodo.org/records/7447302/files/emodb.zip?download=1",
                39_981_818,
                "md5:9d21362dbc5676ef3ab4745d83ced0db",
                "Zenodo",
            ),
            Archive("http://emodb.bilderbar.info/download/download.zip"),
        ),
        recordings=535,
        unpacked=500_000_000,
    ),
    "ravdess": Source(
        title="RAVDESS, speech, audio only",
        home="https://doi.org/10.5281/zenodo.1188976",
        licence="CC BY-NC-SA 4.0",
        citation="Livingstone, Russo: The Ryerson Audio-Visual Database of Emotional Speech and "
        "Song (RAVDESS). PLoS ONE 13(5): e0196391, 2018",
        archives=(
            Archive(
                "https://zenodo.org/records/1188976/files/Audio_Speech_Actors_01-24.zip?download=1",
                208_468_073,
                "md5:bc696df654c87fed845eb13823edef8a",
                "Zenodo",
            ),
        ),
        recordings=1440,
        unpacked=2_500_000_000,
    ),
    "crema_d": Source(
        title="CREMA-D, the recordings as WAV",
        home="https://github.com/CheyneyComputerScience/CREMA-D",
        licence="Open Database License 1.0; its contents: Database Contents License 1.0",
        citation="Cao, Cooper, Keutmann, Gur, Nenkova, Verma: CREMA-D: Crowd-sourced Emotional "
        "Multimodal Actors Dataset. IEEE Transactions on Affective Computing 5(4), 2014",
        # The archive contains Git LFS pointers, each with the SHA-256 of its recording. Recordings
        # are downloaded one by one, first from a mirror: GitHub's quota for them is often used up.
        archives=(
            Archive(
                "https://github.com/CheyneyComputerScience/CREMA-D/archive/refs/heads/master.zip"
            ),
        ),
        recordings=7441,  # of 7442: one is silent and left out by the reader
        unpacked=3_000_000_000,
        keep=r"([^/]+/)?(AudioWAV/.*|license\.txt|LICENSE\.txt)",
        recordings_at=(
            "https://gitlab.com/cs-cooper-lab/crema-d-mirror/-/raw/main/AudioWAV/",
            "https://gitlab.com/cs-cooper-lab/crema-d-mirror/-/raw/master/AudioWAV/",
            "https://media.githubusercontent.com/media/CheyneyComputerScience/CREMA-D/master/AudioWAV/",
        ),
    ),
    "tess": Source(
        title="Toronto emotional speech set (TESS)",
        home="https://doi.org/10.5683/SP2/E8H2MF",
        licence="CC BY-NC-ND 4.0 (TSpace, University of Toronto, handle 1807/24487)",
        citation="Pichora-Fuller, Dupuis: Toronto emotional speech set (TESS). Borealis, 2020, "
        "doi 10.5683/SP2/E8H2MF",
        archives=(
            Archive(
                "https://borealisdata.ca/api/access/dataset/:persistentId/"
                "?persistentId=doi:10.5683/SP2/E8H2MF"
            ),
            Archive(
                "https://bj.bcebos.com/paddleaudio/datasets/TESS_Toronto_emotional_speech_set.zip",
                checksum="md5:1465311b24d1de704c4c63e4ccc470c7",
                known_from="PaddleSpeech, whose mirror it is",
            ),
        ),
        recordings=2800,
        unpacked=2_000_000_000,
    ),
}

MANUAL: dict[str, str] = {
    "iemocap": """\
iemocap cannot be downloaded by a program: its authors release it to those who sign a form.
  1. Read https://sail.usc.edu/iemocap/ and fill in the release form there, as the person
     responsible for the data.
  2. Send it as the page describes; a download link arrives by e-mail.
  3. Unpack IEMOCAP_full_release.tar.gz. The folder IEMOCAP_full_release must contain Session1 to
     Session5, each with dialog/EmoEvaluation/*.txt and sentences/wav/*/*.wav; nothing else is
     read.
  4. ablate corpus check --corpus iemocap --corpus-root PATH/IEMOCAP_full_release
Cite: Busso et al.: IEMOCAP: Interactive emotional dyadic motion capture database. Language
Resources and Evaluation 42(4), 2008""",
}
