"""Texts of notifications by language. `{…}` are values; what somebody wrote and a link follow the opening.

Each language has all kinds, and a template only the fields that its kind has: a test holds them to that.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from shared.events.notifications import NotificationKind

RIGHT_TO_LEFT = frozenset({"ar", "fa", "he", "ur"})


@dataclass(frozen=True, slots=True)
class Template:
    """The parts of one notification. `action` is what its link is called."""

    subject: str
    opening: str
    closing: str = ""
    action: str = ""


_MENTION, _ASSIGNMENT = NotificationKind.MENTION, NotificationKind.ASSIGNMENT
_UNDELIVERED, _SIGN_IN, _SURVEY = NotificationKind.UNDELIVERED, NotificationKind.SIGN_IN, NotificationKind.SURVEY
_RECEIVED = NotificationKind.RECEIVED

TEXTS: Mapping[str, Mapping[NotificationKind, Template]] = {
    "en": {
        _MENTION: Template(
            "[#{ticket_number}] {author} mentioned you: {subject}",
            "{author} mentioned you in a note on ticket #{ticket_number}, “{subject}”:",
            "If you answer this mail, your answer becomes a note, which customers do not see.",
        ),
        _ASSIGNMENT: Template(
            "[#{ticket_number}] Assigned to you: {subject}",
            "{author} assigned ticket #{ticket_number}, “{subject}”, to you.",
        ),
        _UNDELIVERED: Template(
            "[#{ticket_number}] Not delivered: {subject}",
            "Your reply on ticket #{ticket_number}, “{subject}”, did not reach {recipient}: {reason}.",
        ),
        _SIGN_IN: Template(
            "Sign in to {organisation}",
            "Use this link to sign in. It works once, for {minutes} minutes.",
            "If you did not ask for it, you need not do anything.",
            "Sign in",
        ),
        _SURVEY: Template(
            "[#{ticket_number}] How did we do?",
            "Your request “{subject}” is solved. We would like to know how content you are.",
            action="Rate our support",
        ),
        _RECEIVED: Template(
            "[#{ticket_number}] We have your request",
            "Your request has reached us. Its number is {ticket_number}. "
            "We answer to this address; here you can read all of it and write more.",
            "If you did not write to us, you need not do anything.",
            "Open the request",
        ),
    },
    "de": {
        _MENTION: Template(
            "[#{ticket_number}] {author} hat Sie erwähnt: {subject}",
            "{author} hat Sie in einer Notiz zu Ticket #{ticket_number}, „{subject}“, erwähnt:",
            "Wenn Sie auf diese E-Mail antworten, wird Ihre Antwort eine Notiz, die Kunden nicht sehen.",
        ),
        _ASSIGNMENT: Template(
            "[#{ticket_number}] Ihnen zugewiesen: {subject}",
            "{author} hat Ihnen das Ticket #{ticket_number}, „{subject}“, zugewiesen.",
        ),
        _UNDELIVERED: Template(
            "[#{ticket_number}] Nicht zugestellt: {subject}",
            "Ihre Antwort zu Ticket #{ticket_number}, „{subject}“, hat {recipient} nicht erreicht: {reason}.",
        ),
        _SIGN_IN: Template(
            "Anmeldung bei {organisation}",
            "Mit diesem Link melden Sie sich an. Er gilt einmal und {minutes} Minuten lang.",
            "Wenn Sie ihn nicht angefordert haben, brauchen Sie nichts zu tun.",
            "Anmelden",
        ),
        _SURVEY: Template(
            "[#{ticket_number}] Wie zufrieden sind Sie?",
            "Ihre Anfrage „{subject}“ ist gelöst. Wir möchten gern wissen, wie zufrieden Sie sind.",
            action="Support bewerten",
        ),
        _RECEIVED: Template(
            "[#{ticket_number}] Ihre Anfrage ist angekommen",
            "Ihre Anfrage ist bei uns angekommen. Sie hat die Nummer {ticket_number}. "
            "Wir antworten an diese Adresse; hier können Sie alles lesen und mehr schreiben.",
            "Wenn Sie uns nicht geschrieben haben, brauchen Sie nichts zu tun.",
            "Anfrage öffnen",
        ),
    },
    "es": {
        _MENTION: Template(
            "[#{ticket_number}] {author} le ha mencionado: {subject}",
            "{author} le ha mencionado en una nota del tique n.º {ticket_number}, «{subject}»:",
            "Si responde a este correo, su respuesta será una nota que los clientes no ven.",
        ),
        _ASSIGNMENT: Template(
            "[#{ticket_number}] Se le ha asignado: {subject}",
            "{author} le ha asignado el tique n.º {ticket_number}, «{subject}».",
        ),
        _UNDELIVERED: Template(
            "[#{ticket_number}] No entregado: {subject}",
            "Su respuesta al tique n.º {ticket_number}, «{subject}», no ha llegado a {recipient}: {reason}.",
        ),
        _SIGN_IN: Template(
            "Inicio de sesión en {organisation}",
            "Use este enlace para iniciar sesión. Sirve una sola vez, durante {minutes} minutos.",
            "Si no lo ha pedido, no tiene que hacer nada.",
            "Iniciar sesión",
        ),
        _SURVEY: Template(
            "[#{ticket_number}] ¿Qué le ha parecido?",
            "Su solicitud «{subject}» está resuelta. Nos gustaría saber si ha quedado satisfecho.",
            action="Valorar la atención",
        ),
        _RECEIVED: Template(
            "[#{ticket_number}] Hemos recibido su solicitud",
            "Hemos recibido su solicitud. Su número es {ticket_number}. "
            "Responderemos a esta dirección; aquí puede leerla entera y escribir más.",
            "Si no nos ha escrito, no tiene que hacer nada.",
            "Abrir la solicitud",
        ),
    },
    "hi": {
        _MENTION: Template(
            "[#{ticket_number}] {author} ने आपका उल्लेख किया: {subject}",
            "{author} ने टिकट #{ticket_number}, “{subject}”, के एक नोट में आपका उल्लेख किया:",
            "इस ईमेल का उत्तर देने पर आपका उत्तर एक नोट बन जाएगा, जो ग्राहकों को नहीं दिखता।",
        ),
        _ASSIGNMENT: Template(
            "[#{ticket_number}] आपको सौंपा गया: {subject}",
            "{author} ने टिकट #{ticket_number}, “{subject}”, आपको सौंपा है।",
        ),
        _UNDELIVERED: Template(
            "[#{ticket_number}] नहीं पहुँचा: {subject}",
            "टिकट #{ticket_number}, “{subject}”, पर आपका उत्तर {recipient} तक नहीं पहुँचा: {reason}।",
        ),
        _SIGN_IN: Template(
            "{organisation} में साइन इन करें",
            "साइन इन करने के लिए इस लिंक का उपयोग करें। यह एक बार और {minutes} मिनट तक काम करता है।",
            "यदि आपने इसका अनुरोध नहीं किया है, तो आपको कुछ नहीं करना है।",
            "साइन इन करें",
        ),
        _SURVEY: Template(
            "[#{ticket_number}] आपका अनुभव कैसा रहा?",
            "आपका अनुरोध “{subject}” हल हो गया है। हम जानना चाहते हैं कि आप कितने संतुष्ट हैं।",
            action="हमारी सहायता का मूल्यांकन करें",
        ),
        _RECEIVED: Template(
            "[#{ticket_number}] हमें आपका अनुरोध मिल गया",
            "आपका अनुरोध हम तक पहुँच गया है। इसका नंबर {ticket_number} है। "
            "हम इसी पते पर उत्तर देंगे; यहाँ आप सब कुछ पढ़ सकते हैं और आगे लिख सकते हैं।",
            "यदि आपने हमें नहीं लिखा, तो आपको कुछ करने की आवश्यकता नहीं है।",
            "अनुरोध खोलें",
        ),
    },
    "bn": {
        _MENTION: Template(
            "[#{ticket_number}] {author} আপনাকে উল্লেখ করেছেন: {subject}",
            "{author} টিকিট #{ticket_number}, “{subject}”-এর একটি নোটে আপনাকে উল্লেখ করেছেন:",
            "এই ইমেইলের উত্তর দিলে আপনার উত্তর একটি নোট হবে, যা গ্রাহকেরা দেখতে পান না।",
        ),
        _ASSIGNMENT: Template(
            "[#{ticket_number}] আপনাকে দেওয়া হয়েছে: {subject}",
            "{author} টিকিট #{ticket_number}, “{subject}”, আপনাকে দিয়েছেন।",
        ),
        _UNDELIVERED: Template(
            "[#{ticket_number}] পৌঁছায়নি: {subject}",
            "টিকিট #{ticket_number}, “{subject}”-এ আপনার উত্তর {recipient}-এর কাছে পৌঁছায়নি: {reason}।",
        ),
        _SIGN_IN: Template(
            "{organisation}-এ সাইন ইন করুন",
            "সাইন ইন করতে এই লিঙ্কটি ব্যবহার করুন। এটি একবার এবং {minutes} মিনিট পর্যন্ত কাজ করে।",
            "আপনি এটি না চেয়ে থাকলে কিছু করার দরকার নেই।",
            "সাইন ইন করুন",
        ),
        _SURVEY: Template(
            "[#{ticket_number}] আমাদের সেবা কেমন লাগল?",
            "আপনার অনুরোধ “{subject}” সমাধান হয়েছে। আপনি কতটা সন্তুষ্ট তা আমরা জানতে চাই।",
            action="আমাদের সেবা মূল্যায়ন করুন",
        ),
        _RECEIVED: Template(
            "[#{ticket_number}] আমরা আপনার অনুরোধ পেয়েছি",
            "আপনার অনুরোধ আমাদের কাছে পৌঁছেছে। এর নম্বর {ticket_number}। "
            "আমরা এই ঠিকানায় উত্তর দেব; এখানে আপনি সবটা পড়তে ও আরও লিখতে পারেন।",
            "আপনি আমাদের না লিখে থাকলে কিছু করার দরকার নেই।",
            "অনুরোধ খুলুন",
        ),
    },
    "ar": {
        _MENTION: Template(
            "[#{ticket_number}] أشار إليك {author}: {subject}",
            "أشار إليك {author} في ملاحظة على التذكرة رقم {ticket_number}، «{subject}»:",
            "إذا أجبت عن هذه الرسالة فسيصبح جوابك ملاحظة لا يراها العملاء.",
        ),
        _ASSIGNMENT: Template(
            "[#{ticket_number}] أُسندت إليك: {subject}",
            "أسند إليك {author} التذكرة رقم {ticket_number}، «{subject}».",
        ),
        _UNDELIVERED: Template(
            "[#{ticket_number}] لم تصل: {subject}",
            "ردّك على التذكرة رقم {ticket_number}، «{subject}»، لم يصل إلى {recipient}: {reason}.",
        ),
        _SIGN_IN: Template(
            "تسجيل الدخول إلى {organisation}",
            "استخدم هذا الرابط لتسجيل الدخول. يعمل مرة واحدة ولمدة {minutes} دقيقة.",
            "إذا لم تطلبه فلا حاجة إلى فعل أي شيء.",
            "تسجيل الدخول",
        ),
        _SURVEY: Template(
            "[#{ticket_number}] ما رأيك في خدمتنا؟",
            "تم حل طلبك «{subject}». نودّ أن نعرف مدى رضاك.",
            action="قيّم خدمتنا",
        ),
        _RECEIVED: Template(
            "[#{ticket_number}] وصلنا طلبك",
            "وصلنا طلبك ورقمه {ticket_number}. سنردّ على هذا العنوان، ويمكنك هنا قراءة كل ما يخصه وإضافة المزيد.",
            "إذا لم تكتب إلينا فليس عليك فعل أي شيء.",
            "فتح الطلب",
        ),
    },
}

# Why a mail was not delivered, in words; any other reason is told as it is.
REASONS: Mapping[str, Mapping[str, str]] = {
    "en": {
        "no_address": "there is no address",
        "capped": "too many mails were sent within the hour",
        "suppressed": "earlier mails to this address came back",
        "bounced": "it came back",
    },
    "de": {
        "no_address": "es gibt keine Adresse",
        "capped": "innerhalb einer Stunde wurden zu viele E-Mails gesendet",
        "suppressed": "frühere E-Mails an diese Adresse kamen zurück",
        "bounced": "sie kam zurück",
    },
    "es": {
        "no_address": "no hay dirección",
        "capped": "se enviaron demasiados correos en una hora",
        "suppressed": "correos anteriores a esta dirección fueron devueltos",
        "bounced": "fue devuelta",
    },
    "hi": {
        "no_address": "कोई पता नहीं है",
        "capped": "एक घंटे में बहुत अधिक ईमेल भेजे गए",
        "suppressed": "इस पते पर भेजे गए पिछले ईमेल वापस आ गए थे",
        "bounced": "वह वापस आ गया",
    },
    "bn": {
        "no_address": "কোনো ঠিকানা নেই",
        "capped": "এক ঘণ্টায় খুব বেশি ইমেইল পাঠানো হয়েছে",
        "suppressed": "এই ঠিকানায় আগের ইমেইলগুলো ফেরত এসেছিল",
        "bounced": "সেটি ফেরত এসেছে",
    },
    "ar": {
        "no_address": "لا يوجد عنوان",
        "capped": "أُرسلت رسائل كثيرة خلال ساعة",
        "suppressed": "عادت رسائل سابقة إلى هذا العنوان",
        "bounced": "عادت الرسالة",
    },
}
