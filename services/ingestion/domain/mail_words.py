"""Words that mail programs write around what people write, in the languages of the desk.

A new language needs no code, only its words here. What a program writes with a date, a time and an address in it is
known without any.
"""

import re
import unicodedata
from collections.abc import Mapping
from enum import Enum, auto


def folded(text: str) -> str:
    """`text` as it is compared: lower case, composed, with straight apostrophes and single spaces."""
    return " ".join(unicodedata.normalize("NFC", text.casefold()).replace("’", "'").split())


class Field(Enum):
    """What a line of a quoted message's head tells."""

    FROM = auto()
    DATE = auto()
    TO = auto()
    SUBJECT = auto()
    OTHER = auto()


def _starts(text: str) -> tuple[str, ...]:
    return tuple(folded(each) for each in text.split("|"))


def _words(text: str) -> frozenset[str]:
    return frozenset(_starts(text))


_FIELDS: Mapping[Field, str] = {
    Field.FROM: (
        "from|von|absender|de|expéditeur|remitente|remetente|da|mittente|van|afzender|od|nadawca|от|от кого"
        "|отправитель|kimden|gönderen|من|المرسل|प्रेषक|से|প্রেরক|থেকে|差出人|送信者|发件人|寄件者|寄件人|發件人"
        "|보낸 사람|보낸사람|보낸이|발신|จาก|từ|người gửi|från|avsändare|fra|afsender|avsender|lähettäjä|odesílatel"
        "|odosielateľ|dari|de la|expeditor|feladó|από|αποστολέας|від|від кого|מאת"
    ),
    Field.DATE: (
        "sent|date|gesendet|datum|envoyé|envoyé le|date d'envoi|fecha|enviado|enviado el|enviado em|enviada em"
        "|enviada|data|inviato|data invio|verzonden|verstuurd|wysłano|data wysłania|отправлено|дата|дата отправки"
        "|tarih|gönderildi|gönderme tarihi|gönderilme tarihi|تاريخ|التاريخ|تاريخ الإرسال|تم الإرسال|أرسلت|भेजा गया"
        "|भेजा|दिनांक|तारीख|পাঠানো হয়েছে|প্রেরিত|তারিখ|送信日時|日時|日付|发送时间|发送日期|日期|时间|寄件日期"
        "|傳送時間|傳送日期|보낸 날짜|보낸날짜|날짜|ส่งแล้ว|ส่งเมื่อ|ส่ง|วันที่|đã gửi|gửi|ngày gửi|ngày|thời gian"
        "|skickat|sendt|dato|lähetetty|päivämäärä|päiväys|odesláno|odoslané|dátum|dikirim|terkirim|tanggal|trimis"
        "|elküldve|ημερομηνία|στάλθηκε|надіслано|נשלח|תאריך"
    ),
    Field.TO: (
        "to|an|empfänger|à|pour|destinataire|a|para|destinatario|destinatário|per|aan|do|adresat|кому|kime|alıcı"
        "|إلى|الى|المرسل إليه|प्रति|प्राप्तकर्ता|को|প্রতি|প্রাপক|宛先|收件人|收件者|받는 사람|받는사람|받는이|수신"
        "|ถึง|đến|tới|người nhận|till|til|vastaanottaja|komu|pre|kepada|ke|către|címzett|προς|אל"
    ),
    Field.SUBJECT: (
        "subject|betreff|objet|sujet|asunto|assunto|oggetto|onderwerp|temat|тема|konu|الموضوع|موضوع|विषय|বিষয়|件名"
        "|主题|主题词|标题|主旨|主題|제목|เรื่อง|หัวเรื่อง|chủ đề|tiêu đề|ämne|emne|aihe|předmět|predmet|perihal"
        "|subjek|subiect|tárgy|θέμα|נושא"
    ),
    Field.OTHER: (
        "cc|bcc|kopie|kopia|copie à|copie|copia|cópia|копия|dw|udw|bilgi|نسخة|نسخة إلى|प्रतिलिपि|অনুলিপি|抄送|副本"
        "|참조|สำเนา|đồng kính gửi|reply-to|antwort an|répondre à|responder a|responder a|importance|wichtigkeit"
        "|importancia|attachments|anlagen|anhänge|pièces jointes|datos adjuntos|allegati|bijlagen|załączniki"
        "|вложения|ekler|المرفقات|添付ファイル|附件|첨부 파일|priority|organization|organisation"
    ),
}
FIELDS: Mapping[str, Field] = {word: kind for kind, words in _FIELDS.items() for word in _words(words)}

# Between dashes, above the message that is answered …
ORIGINAL = _words(
    "original message|original email|reply message|ursprüngliche nachricht|original-nachricht|originalnachricht"
    "|ursprüngliche mail|original-mail|message d'origine|message original|message originel|mail original"
    "|e-mail d'origine|mensaje original|correo original|mensagem original|e-mail original|messaggio originale"
    "|messaggio original|oorspronkelijk bericht|origineel bericht|oorspronkelijke e-mail|oryginalna wiadomość"
    "|wiadomość oryginalna|wiadomość pierwotna|исходное сообщение|исходное письмо|оригинальное сообщение"
    "|первоначальное сообщение|orijinal ileti|orijinal mesaj|özgün ileti|özgün mesaj|الرسالة الأصلية|رسالة أصلية"
    "|मूल संदेश|मूल सन्देश|মূল বার্তা|মূল বার্তাটি|元のメッセージ|元のメール|オリジナル メッセージ"
    "|オリジナルメッセージ|原始邮件|原始信息|原邮件|邮件原件|原始郵件|原始訊息|원본 메시지|원본 메일|원본메시지"
    "|원본메일|ข้อความต้นฉบับ|ข้อความเดิม|thư gốc|tin nhắn gốc|tin nhắn ban đầu|thông điệp gốc"
    "|ursprungligt meddelande|originalmeddelande|oprindelig meddelelse|oprindelig besked|opprinnelig melding"
    "|alkuperäinen viesti|původní zpráva|původní e-mail|pôvodná správa|pesan asli|mesaj original|mesajul original"
    "|eredeti üzenet|αρχικό μήνυμα|початкове повідомлення|оригінальне повідомлення|ההודעה המקורית|הודעה מקורית"
)
# … and above one that is forwarded.
FORWARDED = _words(
    "forwarded message|forwarded email|forwarded mail|begin forwarded message|weitergeleitete nachricht"
    "|weitergeleitete mail|anfang der weitergeleiteten nachricht|anfang der weitergeleiteten e-mail"
    "|message transféré|message réexpédié|message transmis|début du message transféré|début du message réexpédié"
    "|mensaje reenviado|inicio del mensaje reenviado|correo reenviado|mensagem encaminhada|mensagem reencaminhada"
    "|início da mensagem encaminhada|início da mensagem reencaminhada|messaggio inoltrato"
    "|inizio messaggio inoltrato|inizio del messaggio inoltrato|doorgestuurd bericht|begin doorgestuurd bericht"
    "|begin van doorgestuurd bericht|wiadomość przekazana dalej|przekazana wiadomość|wiadomość przekazana"
    "|początek przekazywanej wiadomości|początek przekazanej wiadomości|treść przekazanej wiadomości"
    "|пересылаемое сообщение|пересланное сообщение|пересылаемое письмо|перенаправленное сообщение"
    "|начало переадресованного сообщения|начало пересылаемого сообщения|iletilen mesaj|iletilmiş ileti"
    "|iletilen ileti|yönlendirilen ileti|yönlendirilmiş mesaj|iletilen iletinin başlangıcı|رسالة معاد توجيهها"
    "|رسالة مُعاد توجيهها|رسالة محولة|الرسالة المعاد توجيهها|بداية الرسالة المعاد توجيهها"
    "|بداية الرسالة المُعاد توجيهها|अग्रेषित संदेश|अग्रेषित किया गया संदेश|फ़ॉरवर्ड किया गया संदेश"
    "|फॉरवर्ड किया गया संदेश|फ़ॉरवर्ड किया गया मैसेज|ফরওয়ার্ড করা বার্তা|ফরোয়ার্ড করা বার্তা|ফরওয়ার্ড করা মেসেজ"
    "|転送されたメッセージ|転送メッセージ|転送メール|以下は転送されたメッセージです|以下、転送されたメッセージ"
    "|转发的邮件|转发邮件|转发邮件信息|被转发的邮件|被转发邮件信息|开始转发的邮件|下面是被转发的邮件|轉寄的郵件"
    "|轉寄郵件|轉寄的訊息|已轉寄的郵件|開始轉寄郵件|전달된 메시지|전달된 메일|전달 메시지|전달 메일|전달된 이메일"
    "|ข้อความที่ส่งต่อ|ข้อความที่ถูกส่งต่อ|ข้อความส่งต่อ|เริ่มข้อความที่ส่งต่อ|thư được chuyển tiếp"
    "|thư đã chuyển tiếp|thư chuyển tiếp|tin nhắn được chuyển tiếp|tin nhắn chuyển tiếp"
    "|bắt đầu thư được chuyển tiếp|vidarebefordrat meddelande|vidarebefordrat brev|vidarebefordrat mejl"
    "|videresendt meddelelse|videresendt besked|videresendt melding|edelleenlähetetty viesti|välitetty viesti"
    "|přeposlaná zpráva|přeposlaný e-mail|preposlaná správa|pesan terusan|pesan yang diteruskan|mesaj redirecționat"
    "|mesaj retrimis|továbbított üzenet|προωθημένο μήνυμα|переслане повідомлення|הודעה שהועברה"
)

_WROTE = (
    "wrote|writes|schrieb|schrieb am|geschrieben|a écrit|écrit|écrivait|escribió|ha escrito|escribio|escreveu"
    "|ha scritto|scrisse|scrive|schreef|geschreven|napisał|napisała|napisał(a)|pisze|napisana przez|napisane przez"
    "|написал|написала|написал(а)|написали|пишет|писал|пише|написав|yazdı|şunu yazdı|şunları yazdı|كتب|كتبت"
    "|كتب/كتبت|تمت كتابة|ने लिखा|लिखा|ने लिखा है|লিখেছেন|লিখেছে|লিখলেন|đã viết|viết|skrev|har skrevet|kirjoitti"
    "|napsal|napsala|napsal(a)|napísal|napísal(a)|menulis|a scris|írta|έγραψε|כתב"
)
# Scripts without spaces between words.
_WROTE_ANYWHERE = "写道|寫道|写到|のメール|さんは書きました|書きました|작성|님이 쓴 글|님이 작성|เขียนว่า|เขียน|ได้เขียน"
WROTE = re.compile(
    r"(?<!\w)(?:"
    + "|".join(re.escape(word) for word in sorted(_words(_WROTE), key=len, reverse=True))
    + r")(?!\w)|"
    + "|".join(re.escape(folded(word)) for word in _WROTE_ANYWHERE.split("|"))
)
# What such a line begins with, where it does not begin with a number.
OPENING = re.compile(
    r"(?:on|am|le|el|em|il|il giorno|op|w dniu|dnia|den|på|dne|dňa|în|la data|pada|στις|vào|vào ngày|в|у|于|在|في"
    r"|ในวันที่|เมื่อ|เมื่อวันที่)(?=[\s\d,]|$)|\d"
)

# At the end of a mail, written by a telephone; the last words of the line where the language puts them there.
SENT_FROM = _starts(
    "sent from|sent via|sent with|gesendet von|gesendet mit|gesendet über|von meinem|von unterwegs|envoyé de mon"
    "|envoyé depuis|envoyé à partir|envoyé avec|enviado desde|enviado do|enviado de|enviado a partir|enviado con"
    "|enviado pelo|inviato da|inviato con|verzonden vanaf|verstuurd vanaf|verzonden met|verzonden via|verstuurd met"
    "|wysłane z|wysłano z|отправлено с|отправлено из|отправлено через|отправлено мобильной|أرسلت من|أُرسلت من"
    "|مرسل من|تم الإرسال من|发自|發自|来自我的|從我的|傳送自|寄自我的|ส่งจาก|ส่งมาจาก|đã gửi từ|được gửi từ|gửi từ"
    "|skickat från|skickat med|sendt fra|lähetetty|odesláno z|odoslané z|dikirim dari|trimis de pe|στάλθηκε από"
    "|надіслано з|נשלח מה"
)
SENT_FROM_AT_END = _starts(
    "gönderildi|से भेजा गया|से भेजा|থেকে পাঠানো|থেকে পাঠানো হয়েছে|থেকে পাঠিয়েছি|から送信|より送信"
    "|から送信されました|에서 보냄|에서 보냈습니다|에서 전송|küldve|傳送|gesendet"
)

# What a disclaimer is headed with, where it is marked as one.
DISCLAIMER = _starts(
    "disclaimer|confidentiality notice|confidentiality note|legal notice|vertraulichkeitshinweis|haftungsausschluss"
    "|rechtlicher hinweis|avis de confidentialité|clause de confidentialité|aviso legal|aviso de confidencialidad"
    "|cláusula de confidencialidad|aviso de confidencialidade|aviso legal|avviso di riservatezza"
    "|nota di riservatezza|vertrouwelijkheidsverklaring|klauzula poufności|конфиденциальность"
    "|уведомление о конфиденциальности|yasal uyarı|gizlilik uyarısı|إخلاء مسؤولية|إشعار بالسرية|गोपनीयता सूचना"
    "|অস্বীকৃতি|免责声明|保密声明|免責聲明|免責事項|機密保持|면책 조항|비밀 유지|ข้อจำกัดความรับผิด"
    "|tuyên bố từ chối trách nhiệm|tuyên bố miễn trừ|sekretess|ansvarsfraskrivelse"
)

REPLY_PREFIX = _words(
    "re|aw|antw|antwort|sv|svar|vs|odp|ynt|yan|res|rif|r|ref|rsp|hl|bls|atb|ant|回复|回覆|答复|答覆|返信|회신|답장"
    "|ответ|отв|на|رد|الرد|उत्तर|उत्तर दें|উত্তর|ตอบ|ตอบกลับ|trả lời|tl|hồi âm|σχετ|απ|vá|השב|תשובה|відп"
)
FORWARD_PREFIX = _words(
    "fwd|fw|wg|weitergeleitet|tr|tr.|rv|reenv|reenviado|enc|encaminhada|i|inoltro|inoltrato|doorst|fwd.|pd|przek"
    "|przekaz|ilt|i̇lt|İLT|ilet|yönl|пересл|пер|пересылка|إعادة توجيه|تحويل|अग्रेषित|अग्रे|फ़ॉरवर्ड|ফরওয়ার্ড|転送"
    "|转发|轉寄|轉發|전달|ส่งต่อ|chuyển tiếp|ct|vb|vl|vid|přep|fs|trs|πρθ|továbbítás|переад|העבר|הועבר"
)
