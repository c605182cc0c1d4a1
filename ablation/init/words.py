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
    tired content proud shame guilt hate love tender tenderness elation despair pride panic
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
    disgusto disgustato sorpresa sorpreso neutrale neutralità neutro noia annoiato calmo
    disprezzo rab gio tri pau""",
    # Dutch, Danish, Swedish, Polish, Turkish
    """boos blij bang verdrietig vrede glæde sorg rädsla smutek radość złość strach öfke mutluluk
    üzgün kızgın mutlu nötr""",
)
# Codes of one or two letters (EmoDB, SAVEE, English initials) are labels only if all values are.
LETTERS = frozenset((*"weaftnlhsdc", "sa", "su"))

LABEL_WORDS = _words(
    """emotion emotions emo label class classes klasse gefühl gefühle émotion emoción emozione
    mood"""
)
SPEAKER_WORDS = _words(
    """spk spkr speaker speakers sprecher sprecherin actor actress schauspieler subject subj subjekt
    participant proband probandin vp person talker locuteur hablante locutor parlante attore
    user client patient child kind"""
)
SPEAKER_LETTERS = frozenset("spfmwvk")  # s01, p3, F02: most often the number of a speaker

SESSION_WORDS = _words(
    """session sessions sess ses sitzung termin treffen besuch visit day tag week woche take
    aufnahme recording part teil round runde séance seance jour sesión dia día sessione giorno"""
)

NO_SPEAKERS = SESSION_WORDS | _words(
    """train training test dev val valid validation eval set
    fold cd disc disk male female f m w mann frau man woman men women low mid high strong
    normal weak intensity lo md hi xx sentence satz text utterance utt rep repetition version
    room raum mic wav wavs flac mp3 audio data"""
)

# Roles that someone else may have in the next session.
ROLES = _words(
    """group gruppe class klasse team pair paar dyad dyade family familie mother mutter father vater
    parent child kind son daughter sohn tochter teacher lehrer lehrerin student schüler therapist
    therapeut therapeutin doctor doktor arzt ärztin nurse interviewer interviewee moderator host
    guest gast caller operator agent customer kunde kundin left right links rechts male female boy
    girl junge mädchen männlich weiblich männer frauen kinder adult erwachsene control kontrolle"""
)

NAMES = _words(
    """anna anne anja andrea angela alice amy amelie amelia ava barbara birgit brigitte britta carla
    carmen carol caroline charlotte chiara christina claire clara claudia cora daniela diana
    doris ella elena elisa elisabeth elizabeth ellen emily emma erika eva fatima franziska
    gabi gabriele giulia grace greta hanna hannah heike heidi helen helena ida ines ingrid
    irene iris isabel isabella jana jane janet jennifer jessica johanna josefine julia julie
    karin karen katharina kathrin katja kim klara kristin lara laura lea lena leonie lily lina
    linda lisa louise lucia lucy luisa luise maja maria marie marina marta martha mary melanie
    mia michelle mila monika nadine natalie nicole nina nora olga olivia patricia paula petra
    pia rachel rebecca regina renate rita rosa ruth sabine sandra sara sarah silke silvia
    simone sofia sonja sophia sophie stefanie susan susanne svenja sylvia tanja theresa tina
    ulrike ursula uta ute vanessa vera victoria yvonne zoe adam adrian albert alex alexander
    alfred ali andreas andrew anton antonio arne arthur axel ben benjamin bernd bernhard bert
    bob boris bruno carl carlos charles christian christoph chris daniel david dennis dieter
    dirk dörte dominik edward elias emil eric erik ernst fabian felix finn florian francesco frank
    franz fred friedrich fritz gabriel georg george gerd gustav hans harald harry heinz helmut
    henri henrik henry holger hugo ian ivan jack jakob james jan jens jim joachim jochen joe
    john jonas jonathan jörg jorge jose josef joseph juan jürgen julian julius kai
    karl kevin klaus konrad kurt lars leo leon liam lorenz louis luca lucas luis lukas manfred
    marc marco marcus mario mark markus martin mathias matteo matthias max maximilian michael
    miguel mike moritz nick nico nicolas niklas nils noah norbert oliver oscar oskar otto
    pablo pascal patrick paul pedro peter philip philipp pierre rafael ralf raphael reinhard
    richard robert roland rolf roman rudolf sam samuel sebastian simon stefan stephan steve
    sven theo thomas tim timo tobias tom udo ulrich uwe victor viktor walter werner wilhelm
    william wolfgang xaver yusuf ahmed mehmet ayse aylin emre mohammed omar wei ming li yuki
    hiroshi kenji priya raj olaf dora"""
)
