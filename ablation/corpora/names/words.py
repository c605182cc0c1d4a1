"""Lists of words that tell what a part of the names means.

Words are compared in lower case and without accents (:func:`plain`); an umlaut may also be spelt
out (``Aerger``). A single word decides nothing: a part of the names counts as labels or speakers
when most of its values are on one list.
"""

from ablation.corpora.spelling import spelt_out, without_accents


def plain(word: str) -> str:
    """Return ``word`` in lower case, letters only, no accents: ``Fröhlich_2`` is ``frohlich``."""
    return _letters(without_accents(word))


def _letters(text: str) -> str:
    return "".join(c for c in text if c.isalpha())


def _words(*texts: str) -> frozenset[str]:
    """Return each word as :func:`plain` does, and also with its umlauts spelt out."""
    words = [word for text in texts for word in text.split()]
    return frozenset(_letters(way(word)) for word in words for way in (without_accents, spelt_out))


EMOTIONS = _words(
    # English, with the abbreviations of CREMA-D, IEMOCAP, TESS and others
    """angry anger ang happy happiness hap joy joyful neutral neu neut sad sadness fear fearful fea
    fru exc afraid disgust disgusted dis surprise surprised sur surp ps pleasantsurprise
    pleasantsurprised bored boredom bor calm excited excitement frustrated frustration frustr
    contempt anxious anxiety anx amused amusement sleepy sleepiness relaxed tense stressed
    tired content proud shame guilt hate love tender tenderness elation despair pride panic rage
    joyous cheerful unhappy scared scary terrified contemptuous fun funny laughing crying
    achievement pleasure pain irritated irritation annoyed annoyance flat aroused hot cold anger
    depressed lonely hopeful relieved relief embarrassed jealous sarcastic sarcasm worried nervous
    positive negative pos neg oth other""",
    # German
    """wut wütend zorn zornig ärger ärgerlich verärgert genervt gereizt hass freude freudig froh
    fröhlich glück glücklich begeistert begeisterung trauer traurig traurigkeit angst ängstlich
    furcht panik ekel angeekelt überrascht überraschung erstaunt erstaunen langeweile gelangweilt
    ruhig ruhe entspannt gestresst müde frustriert enttäuscht enttäuschung verachtung scham stolz
    nervös aufgeregt verzweifelt verzweiflung positiv negativ""",
    # French
    """colère encolère fâché fâchée furieux furieuse énervé joie heureux heureuse joyeux joyeuse
    bonheur triste tristesse peur apeuré effrayé dégoût dégoûté surpris surprise ennui ennuyé
    neutre calme mépris honte fierté""",
    # Spanish, Portuguese
    """enojo ira enfado enojado enojada enfadado enfadada feliz felicidad alegría alegria alegre
    contento contenta tristeza triste miedo asustado asco sorpresa sorprendido neutro neutra calma
    desprecio raiva medo nojo surpresa felicidade aburrimiento aburrido tédio""",
    # Italian
    """rabbia arrabbiato arrabbiata gioia gioioso felicità felice tristezza triste paura spaventato
    disgusto disgustato sor sorpresa sorpreso neutrale neutralità neutro noia annoiato calmo
    disprezzo rab gio tri pau""",
    # Dutch, Danish, Swedish, Polish, Turkish
    """boos blij bang verdrietig vrede glæde sorg rädsla smutek radość złość strach öfke mutluluk
    üzgün kızgın mutlu nötr""",
)
# Codes of one or two letters (EmoDB, SAVEE, English initials) are labels only if all values are.
LETTERS = frozenset((*"weaftnlhsdc", "sa", "su"))

# A number behind one of these words is a person's.
SPEAKER_WORDS = _words(
    """spk spkr speaker speakers sprecher sprecherin actor actress schauspieler subject subj sub
    participant proband probandin vp person talker locuteur hablante locutor parlante attore
    user client patient child kind"""
)
# Of men and women the number alone is not enough: F01 and M01 are two.
GENDERS = _words(
    """f m w male female man woman men women boy girl mann frau männlich weiblich junge mädchen
    homme femme hombre mujer uomo donna sm sf"""
)
# A number behind one of these words is a session's or a recording's, and the word no name.
RECORDING_WORDS = _words(
    """session sessions sess ses sitzung termin treffen besuch visit day tag week woche take
    aufnahme recording part teil round runde séance seance jour sesión dia día sessione giorno
    sentence sent satz text utterance utt rep repetition version dia dialog dialogue turn clip
    segment seg chunk sample file trial item word"""
)
# What is neither a person nor, but for the intensities, ever a label.
OTHER_WORDS = _words(
    """train training test dev val valid validation eval set fold cd disc disk high low mid medium
    strong normal weak intensity level lo md hi xx faible fort forte fuerte débil debil alto basso
    stark schwach mittel hoch niedrig room raum studio mic micro microphone phone headset wav wavs
    flac mp3 audio data audios speech song scripted improvised batch samples corpus"""
)
