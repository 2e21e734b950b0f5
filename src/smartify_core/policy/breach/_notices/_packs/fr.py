"""Notices in French. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

MESSAGES: Final[Mapping[str, str]] = {
    "subject_first": "Incident de sécurité {incident} : première notification",
    "subject_update": "Incident de sécurité {incident} : mise à jour",
    "subject_final": "Incident de sécurité {incident} : notification finale",
    "subject_correction": "Incident de sécurité {incident} : vos données ne sont pas concernées",
    "subject_rehearsal": "EXERCICE : un essai de nos moyens de vous joindre en cas d'incident",
    "greeting": "Madame, Monsieur,",
    "sender_unnamed": "votre prestataire",
    "intro_first": "Ceci est une première notification de la part de {organisation} : il y a eu, ou il a pu y avoir, "
    "une violation de la sécurité qui peut concerner des données que nous détenons pour vous. Nous disons ce que nous "
    "savons maintenant et ce que nous ne savons pas encore.",
    "intro_update": "Ceci est une mise à jour de la part de {organisation} sur une violation de la sécurité qui peut "
    "concerner des données que nous détenons pour vous. Elle remplace ce que nous vous avons dit auparavant.",
    "intro_final": "Ceci est la notification finale de la part de {organisation} sur une violation de la sécurité qui "
    "peut concerner des données que nous détenons pour vous. Elle remplace ce que nous vous avons dit auparavant.",
    "intro_ciphertext": "À notre connaissance, seules des copies chiffrées de vos données sont sorties, et les clés "
    "qui les ouvrent sont en sécurité.",
    "intro_correction": "Ceci est une rectification de la part de {organisation}. Nous vous avions signalé une "
    "violation de la sécurité qui pouvait concerner des données que nous détenons pour vous. Après examen, rien ne "
    "mène de cet incident à vos données.",
    "heading_happened": "Ce qui s'est passé",
    "heading_information": "Quelles informations sont concernées",
    "heading_doing": "Ce que nous faisons",
    "heading_can_do": "Ce que vous pouvez faire",
    "heading_more": "Pour en savoir plus",
    "heading_open": "Ce que nous ne savons pas encore, et quand vous en saurez plus",
    "heading_acknowledgement": "Merci de confirmer que vous avez lu ce message",
    "label_nature": "Ce qui a été atteint",
    "label_what_happened": "En bref",
    "label_breach_period": "Quand cela s'est passé",
    "label_discovered": "Quand nous l'avons remarqué",
    "label_data_categories": "Lesquelles de vos données",
    "label_subjects": "Combien de personnes",
    "label_records": "Combien d'enregistrements",
    "label_individuals": "Qui sont ces personnes",
    "label_protection": "Comment les données étaient protégées",
    "label_consequences": "Ce qui peut en résulter",
    "label_measures_taken": "Ce que nous avons fait",
    "label_measures_planned": "Ce que nous allons faire",
    "label_recommended_steps": "Ce que nous vous recommandons",
    "label_contact_point": "Où poser vos questions",
    "label_next_update": "Quand vous en saurez plus",
    "label_delay_reason": "Pourquoi vous ne l'avez pas su plus tôt",
    "label_vendor": "Quel fournisseur est en cause",
    "label_incident": "Incident",
    "label_notice": "Cette notification",
    "label_phase": "Type de notification",
    "label_written": "Rédigée",
    "label_code": "Votre code",
    "label_link": "Confirmer ici",
    "phase_first": "première notification",
    "phase_update": "mise à jour",
    "phase_final": "notification finale",
    "phase_correction": "rectification",
    "answer_unknown": "Nous ne le savons pas encore.",
    "answer_not_applicable": "Sans objet : {reason}",
    "nature_confidentiality": "la confidentialité : quelqu'un a pu voir des données sans en avoir le droit",
    "nature_integrity": "l'intégrité : des données ont pu être modifiées sans droit",
    "nature_availability": "la disponibilité : des données sont, ou peuvent être, perdues ou hors d'accès",
    "personal_email": "adresses électroniques",
    "personal_given_name": "prénoms",
    "personal_family_name": "noms de famille",
    "personal_groups": "appartenance à des groupes de messagerie",
    "personal_communication": "traces d'échanges avec des personnes",
    "period_at": "Le {time}.",
    "period_between": "Entre le {since} et le {until}.",
    "discovered_at": "Le premier signe date du {signal}. Depuis le {aware}, nous savons qu'il y a, ou qu'il peut y "
    "avoir, une violation.",
    "subjects_one": "1 personne.",
    "subjects_about": "Environ {number}.",
    "records_access": "1 accès enregistré à des données y mène.",
    "records_accesses": "{number} accès enregistrés à des données y mènent.",
    "records_one": "Environ un.",
    "records_each": "Un par personne : environ {number}.",
    "individuals_annex": "La liste se trouve dans l'annexe, chiffrée pour votre certificat.",
    "individuals_on_request": "{number} sur notre liste. Elle contient des données personnelles et ne figure donc pas "
    "dans ce message : demandez-la au point de contact, en citant cette notification.",
    "protection_ciphertext": "Les données étaient chiffrées. À notre connaissance, les clés n'ont pas été exposées.",
    "protection_exposed": "Les données étaient chiffrées, mais les clés ont été exposées aussi.",
    "protection_readable": "Les données sont chiffrées chez nous, mais elles ont pu être ouvertes et vues en clair.",
    "next_update_by": "Au plus tard le {time}, et plus tôt si nous découvrons quelque chose d'important.",
    "next_update_none": "ceci est la notification finale.",
    "delay_none": "cette notification arrive dans le délai que nous promettons.",
    "vendor_none": "aucun fournisseur n'est en cause, à notre connaissance.",
    "open_list": "Encore sans réponse :",
    "open_nothing": "Il y a une réponse à chacun des points ci-dessus.",
    "acknowledge": "Dites-nous que ce message est arrivé à quelqu'un qui peut agir : qu'un serveur l'ait "
    "accepté ne nous l'apprend pas.",
    "correction_happened": "Il y a eu, ou il a pu y avoir, une violation de la sécurité. Pour autant que nous "
    "puissions l'établir, elle n'a pas atteint vos données.",
    "correction_information": "À notre connaissance, aucune de vos données n'est concernée.",
    "correction_doing": "Nous continuons à examiner l'incident. Si quelque chose devait tout de même mener à vos "
    "données, vous le saurez aussitôt.",
    "correction_can_do": "Vous n'avez rien à faire en raison de cet incident.",
    "rehearsal_intro": "CECI EST UN EXERCICE. Rien n'est arrivé à vos données.",
    "rehearsal_why": "De temps en temps, un essai de la part de {organisation} vérifie qu'une notification de "
    "violation de la sécurité vous parviendrait. Vous recevez ce message parce que vous êtes désigné comme contact "
    "pour de telles notifications.",
    "rehearsal_what": "Vous n'avez rien à faire. Si de telles notifications doivent aller ailleurs, merci de nous le "
    "dire.",
    "rehearsal_code": "Code de l'exercice",
    "date": "{day} {month} {year}, {clock} UTC ({iso})",
    "month_1": "janvier",
    "month_2": "février",
    "month_3": "mars",
    "month_4": "avril",
    "month_5": "mai",
    "month_6": "juin",
    "month_7": "juillet",
    "month_8": "août",
    "month_9": "septembre",
    "month_10": "octobre",
    "month_11": "novembre",
    "month_12": "décembre",
}
