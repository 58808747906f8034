"""Texts that an export is checked with: what a company writes, and what breaks tokenizers."""

from __future__ import annotations

_PARAGRAPH = (
    "The nightly backup of the billing database starts at 02:00 and takes about forty minutes. When it fails, the "
    "on-call engineer is paged; look at the log on the backup host first, then at the free space of the target. A "
    "full disk is by far the most common reason, and old snapshots can be deleted after the retention of 30 days. "
)

SAMPLES: tuple[str, ...] = (
    "",
    " ",
    "a",
    "VPN",
    "How do I reset my password?",
    "how to restart the print spooler",
    "Which port does the metrics exporter listen on by default?",
    "Parental leave has to be announced seven weeks before it begins.",
    "PAY-123",
    "ERR_CONN_RESET in com.example.payments.RefundService at line 214",
    "kubectl -n staging rollout restart deployment/checkout-api",
    "select id, name from customers where deleted_at is null order by created_at desc limit 50;",
    "SSLHandshakeException: PKIX path building failed: unable to find valid certification path",
    "https://wiki.example.com/display/OPS/Runbook?pageId=42#Restore",
    "v9.0.1 -> v9.1.0-rc.2+build.7",
    "10.0.12.7, fe80::1ff:fe23:4567:890a and printer-03.berlin.example.com",
    "| host | role | owner |\n| db-1 | primary | Data |\n| db-2 | replica | Data |",
    "```python\ndef retry(times: int) -> None:\n    for _ in range(times):\n        connect()\n```",
    "Größere Änderungen müssen vom Betriebsrat genehmigt werden; Überstunden auch.",
    "Le remboursement des frais de déplacement se fait à la fin du mois.",
    "El servidor de correo no responde desde las ocho de la mañana.",
    "会議室の予約はカレンダーから行ってください。",
    "Как подключиться к корпоративной сети из дома?",
    "قم بتغيير كلمة المرور كل ثلاثة أشهر",
    "naïve café ﬁle ½ ™ № … “quoted” — dash",
    "🎉🚀 release day 👩‍💻👍🏽",
    "\u200bzero\u200bwidth\u00a0and\u00adsoft\u00adhyphens\ufeff",
    "CAPITAL LETTERS AND lower ones, 1,234,567.89 and 3e-10",
    "!!! ??? ... --- *** ###",
    "x" * 300,
    "supercalifragilisticexpialidocious-" * 12,
    "word " * 40,
    _PARAGRAPH,
    _PARAGRAPH + "The restore is tested on the first Monday of each month.",
    _PARAGRAPH * 2,
    _PARAGRAPH * 3,
    _PARAGRAPH * 6,
    "Title: Backups\nSection: When it fails\n" + _PARAGRAPH,
    "\n".join(
        f"{number}. Step number {number}: check host-{number:02d} and sign the list."
        for number in range(1, 25)
    ),
    "\t".join(f"col{number}" for number in range(60)),
)
