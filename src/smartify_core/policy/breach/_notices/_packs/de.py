"""Notices in German. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

MESSAGES: Final[Mapping[str, str]] = {
    "subject_first": "Sicherheitsvorfall {incident}: erste Mitteilung an Sie",
    "subject_update": "Sicherheitsvorfall {incident}: neuer Stand für Sie",
    "subject_final": "Sicherheitsvorfall {incident}: abschließende Mitteilung an Sie",
    "subject_correction": "Sicherheitsvorfall {incident}: Ihre Daten sind nicht betroffen",
    "subject_rehearsal": "ÜBUNG: Test, ob wir Sie bei Sicherheitsvorfällen erreichen",
    "greeting": "Sehr geehrte Damen und Herren,",
    "sender_unnamed": "Ihrem Dienstleister",
    "intro_first": "dies ist eine erste Mitteilung von {organisation}: Die Sicherheit wurde verletzt oder kann "
    "verletzt worden sein, und das kann Daten betreffen, die wir für Sie halten. Wir sagen, was wir jetzt wissen und "
    "was wir noch nicht wissen.",
    "intro_update": "dies ist der neue Stand von {organisation} zu einer Verletzung der Sicherheit, die Daten "
    "betreffen kann, die wir für Sie halten. Er tritt an die Stelle dessen, was wir Ihnen zuvor mitgeteilt haben.",
    "intro_final": "dies ist die abschließende Mitteilung von {organisation} zu einer Verletzung der Sicherheit, die "
    "Daten betreffen kann, die wir für Sie halten. Sie tritt an die Stelle dessen, was wir Ihnen zuvor mitgeteilt "
    "haben.",
    "intro_ciphertext": "Nach allem, was wir wissen, sind nur verschlüsselte Kopien Ihrer Daten nach außen gelangt; "
    "die Schlüssel dazu sind sicher.",
    "intro_correction": "dies ist eine Berichtigung von {organisation}. Wir hatten Ihnen eine Verletzung der "
    "Sicherheit mitgeteilt, die Daten betreffen könnte, die wir für Sie halten. Nach weiterer Prüfung führt nichts "
    "davon zu Ihren Daten.",
    "heading_happened": "Was geschehen ist",
    "heading_information": "Welche Daten betroffen sind",
    "heading_doing": "Was wir tun",
    "heading_can_do": "Was Sie tun können",
    "heading_more": "Wo Sie mehr erfahren",
    "heading_open": "Was wir noch nicht wissen, und wann Sie mehr hören",
    "heading_acknowledgement": "Bitte bestätigen Sie, dass Sie dies gelesen haben",
    "label_nature": "Was verletzt wurde",
    "label_what_happened": "Kurz gesagt",
    "label_breach_period": "Wann es geschah",
    "label_discovered": "Wann wir es bemerkt haben",
    "label_data_categories": "Welche Ihrer Daten",
    "label_subjects": "Wie viele Personen",
    "label_records": "Wie viele Datensätze",
    "label_individuals": "Wer diese Personen sind",
    "label_protection": "Wie die Daten geschützt waren",
    "label_consequences": "Was daraus folgen kann",
    "label_measures_taken": "Was wir getan haben",
    "label_measures_planned": "Was wir noch tun werden",
    "label_recommended_steps": "Was wir Ihnen raten",
    "label_contact_point": "Wo Sie fragen können",
    "label_next_update": "Wann Sie mehr hören",
    "label_delay_reason": "Warum Sie es nicht früher erfahren haben",
    "label_vendor": "Welcher Dienstleister beteiligt war",
    "label_incident": "Vorfall",
    "label_notice": "Diese Mitteilung",
    "label_phase": "Art der Mitteilung",
    "label_written": "Geschrieben",
    "label_code": "Ihr Code",
    "label_link": "Hier bestätigen",
    "phase_first": "erste Mitteilung",
    "phase_update": "neuer Stand",
    "phase_final": "abschließende Mitteilung",
    "phase_correction": "Berichtigung",
    "answer_unknown": "Das ist noch nicht bekannt.",
    "answer_not_applicable": "Das trifft nicht zu: {reason}",
    "nature_confidentiality": "Vertraulichkeit: Unbefugte können Daten gesehen haben",
    "nature_integrity": "Integrität: Daten können unbefugt verändert worden sein",
    "nature_availability": "Verfügbarkeit: Daten sind oder können verloren oder unerreichbar sein",
    "personal_email": "E-Mail-Adressen",
    "personal_given_name": "Vornamen",
    "personal_family_name": "Nachnamen",
    "personal_groups": "Zugehörigkeit zu E-Mail-Gruppen",
    "personal_communication": "Aufzeichnungen dessen, was mit Personen gesprochen oder geschrieben wurde",
    "period_at": "Am {time}.",
    "period_between": "Zwischen {since} und {until}.",
    "discovered_at": "Das erste Anzeichen gab es am {signal}. Seit {aware} wissen wir, dass es eine Verletzung ist "
    "oder sein kann.",
    "subjects_one": "1 Person.",
    "subjects_about": "Etwa {number}.",
    "records_access": "1 aufgezeichneter Zugriff auf Daten führt dorthin.",
    "records_accesses": "{number} aufgezeichnete Zugriffe auf Daten führen dorthin.",
    "records_one": "Etwa einer.",
    "records_each": "Einer je Person: etwa {number}.",
    "individuals_annex": "Sie stehen in der Anlage, die für Ihr Zertifikat verschlüsselt ist.",
    "individuals_on_request": "{number} auf unserer Liste. Sie enthält personenbezogene Daten und steht deshalb nicht "
    "in dieser Nachricht: Fragen Sie dort nach ihr, wo Sie fragen können, und nennen Sie diese Mitteilung.",
    "protection_ciphertext": "Die Daten waren verschlüsselt. Ihre Schlüssel wurden, soweit wir wissen, nicht bekannt.",
    "protection_exposed": "Die Daten waren verschlüsselt, aber auch die Schlüssel wurden bekannt.",
    "protection_readable": "Die Daten sind bei uns verschlüsselt, können aber geöffnet und im Klartext gesehen worden "
    "sein.",
    "next_update_by": "Spätestens am {time}, und früher, wenn sich etwas Wichtiges ergibt.",
    "next_update_none": "Dies ist die abschließende Mitteilung.",
    "delay_none": "Diese Mitteilung kommt in der Zeit, die wir zusagen.",
    "vendor_none": "Soweit wir wissen, war kein Dienstleister beteiligt.",
    "open_list": "Noch offen:",
    "open_nothing": "Auf jeden Punkt oben gibt es eine Antwort.",
    "acknowledge": "Sagen Sie uns, dass dies jemanden erreicht hat, der danach handeln kann: Dass ein "
    "Server es angenommen hat, sagt uns das nicht.",
    "correction_happened": "Die Sicherheit wurde verletzt oder kann verletzt worden sein. Soweit wir es feststellen "
    "können, hat das Ihre Daten nicht erreicht.",
    "correction_information": "Soweit wir wissen, sind keine Ihrer Daten betroffen.",
    "correction_doing": "Wir untersuchen den Vorfall weiter. Sollte doch etwas zu Ihren Daten führen, hören Sie sofort "
    "davon.",
    "correction_can_do": "Sie müssen wegen dieses Vorfalls nichts tun.",
    "rehearsal_intro": "DIES IST EINE ÜBUNG. Mit Ihren Daten ist nichts geschehen.",
    "rehearsal_why": "Von Zeit zu Zeit prüft ein Test von {organisation}, ob eine Mitteilung über eine Verletzung der "
    "Sicherheit Sie erreichen würde. Sie erhalten diese Nachricht, weil Sie als Kontakt für solche Mitteilungen "
    "genannt sind.",
    "rehearsal_what": "Sie müssen nichts tun. Wenn solche Mitteilungen an eine andere Stelle gehen sollen, sagen Sie "
    "es uns bitte.",
    "rehearsal_code": "Code der Übung",
    "date": "{day}. {month} {year}, {clock} UTC ({iso})",
    "month_1": "Januar",
    "month_2": "Februar",
    "month_3": "März",
    "month_4": "April",
    "month_5": "Mai",
    "month_6": "Juni",
    "month_7": "Juli",
    "month_8": "August",
    "month_9": "September",
    "month_10": "Oktober",
    "month_11": "November",
    "month_12": "Dezember",
}
