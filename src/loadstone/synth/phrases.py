"""What people write in a made-up workplace: phrases with gaps, by language, and the words of each topic."""

from __future__ import annotations

from collections.abc import Mapping

# topic -> nouns that fill `{noun}`; a channel talks mostly about its own
TOPICS: Mapping[str, tuple[str, ...]] = {
    "billing": ("invoice", "refund", "payment", "discount", "subscription", "receipt", "seat count", "tax number"),
    "release": ("release", "changelog", "rollback", "migration", "feature flag", "hotfix", "version bump", "branch"),
    "incident": ("outage", "latency spike", "timeout", "alert", "database", "queue", "postmortem", "dashboard"),
    "design": ("mockup", "icon", "dark mode", "layout", "prototype", "contrast", "font", "onboarding screen"),
    "hiring": ("interview", "candidate", "offer letter", "job post", "referral", "take-home task", "screening call", "start date"),
    "data": ("export", "report", "pipeline", "schema", "embedding", "training run", "warehouse", "metric"),
    "support": ("ticket", "password reset", "login page", "customer", "escalation", "help article", "upload", "account"),
    "social": ("lunch", "coffee machine", "offsite", "birthday", "quiz night", "bike ride", "playlist", "photo"),
}

# language -> (phrases, short answers); `{who}` is somebody, `{number}` a number
PHRASES: Mapping[str, tuple[tuple[str, ...], tuple[str, ...]]] = {
    "en": (
        (
            "Does anybody know why the {noun} is late again?",
            "I looked at the {noun} this morning, and it is worse than on Monday.",
            "The {noun} works now, thanks for the quick help.",
            "Can we move the {noun} to next week? We need {number} more hours.",
            "Heads up: the {noun} changes in {number} hours.",
            "We have {number} open questions about the {noun}, most of them old.",
            "I wrote down what we decided about the {noun} and the {noun2}.",
            "My proposal is to drop the {noun} and keep the {noun2} as it is.",
            "Who owns the {noun}? I would like to change one line of it.",
            "After the {noun2} was fixed, the {noun} went from {number} minutes to seconds.",
            "Please review the {noun} when you find time, it blocks the {noun2}.",
            "Reminder: the {noun} is due on Friday.",
        ),
        ("Sounds good.", "On it.", "Thanks!", "Agreed, let us do that.", "No, I do not think so.", "Done.", "Give me ten minutes."),
    ),
    "de": (
        (
            "Weiß jemand, warum das Thema {noun} schon wieder hängt?",
            "Ich habe mir {noun} heute früh angesehen, es fehlen noch {number} Punkte.",
            "Können wir {noun} auf nächste Woche verschieben?",
            "Die Änderung an {noun} ist größer als gedacht.",
        ),
        ("Klingt gut.", "Mach ich.", "Danke schön!", "Erledigt."),
    ),
    "fr": (
        (
            "Est-ce que quelqu'un a regardé {noun} depuis hier ?",
            "J'ai corrigé {noun}, il reste {number} détails à vérifier.",
            "On déplace {noun} à la semaine prochaine, ça vous va ?",
            "Très bonne idée pour {noun}, je prépare un résumé.",
        ),
        ("Ça marche.", "Merci beaucoup !", "C'est fait.", "D'accord."),
    ),
    "es": (
        (
            "¿Alguien sabe por qué {noun} tarda tanto?",
            "Mañana reviso {noun} con el equipo, faltan {number} cosas.",
            "El cambio en {noun} ya está listo para probar.",
        ),
        ("Perfecto.", "¡Gracias!", "Listo.", "De acuerdo."),
    ),
    "ja": (
        (
            "{noun} の件、今日中に確認します。",
            "{noun} が遅い原因が分かりました。残り {number} 件です。",
            "来週の {noun} について相談させてください。",
        ),
        ("了解です。", "ありがとうございます。", "対応しました。"),
    ),
    "ar": (
        ("هل راجع أحدكم {noun} اليوم؟", "تم إصلاح {noun} وبقي {number} أسئلة.", "أحتاج مساعدة في {noun} من فضلك."),
        ("شكرا جزيلا", "تمام", "تم"),
    ),
}
SHARES: Mapping[str, float] = {"en": 0.72, "de": 0.09, "fr": 0.07, "es": 0.06, "ja": 0.04, "ar": 0.02}
EMOJI = ("🙂", "🚀", "👍", "🎉", "😅", "🔥", "👀", "❤️", "👩‍💻", "🇪🇺")
FIRST_NAMES = (
    "ada bruno chloe dario elif farid greta hana ivan jonas kaya leila marta nils olga pablo quinn rosa sami tomas uma viktor wanda xenia"
    " yusuf zoe amir birgit carla daniel emil freya"
)
CHANNELS: tuple[tuple[str, str], ...] = (
    ("general", "social"),
    ("random", "social"),
    ("announcements", "release"),
    ("support", "support"),
    ("support-escalations", "support"),
    ("billing", "billing"),
    ("releases", "release"),
    ("backend", "incident"),
    ("frontend", "design"),
    ("mobile", "release"),
    ("incidents", "incident"),
    ("on-call", "incident"),
    ("design", "design"),
    ("hiring", "hiring"),
    ("data", "data"),
    ("research", "data"),
    ("sales", "billing"),
    ("feedback", "support"),
    ("lunch", "social"),
    ("security", "incident"),
)
