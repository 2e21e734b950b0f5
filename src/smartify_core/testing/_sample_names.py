"""Names for sample people, in the scripts that a customer's directory really holds. Plain data, combined freely.

Each entry is ``as written/as romanised``; the romanised part makes the address. Lists are in a fixed order, so that a
sample is the same everywhere.
"""

from __future__ import annotations

from attrs import frozen


@frozen
class Naming:
    """The names of one language: pairs of how a name is written and how it is romanised (lower-case ASCII)."""

    given: tuple[tuple[str, str], ...]
    family: tuple[tuple[str, str], ...]


def _words(text: str) -> tuple[str, ...]:
    return tuple(text.split())


def _pairs(text: str) -> tuple[tuple[str, str], ...]:
    return tuple((written, roman) for written, roman in (entry.split("/") for entry in text.split()))


NAMINGS = (
    Naming(
        _pairs("""
            Amelia/amelia Oliver/oliver Grace/grace Noah/noah Ruth/ruth Liam/liam Hazel/hazel Owen/owen
            Ivy/ivy Jack/jack
        """),
        _pairs("""
            Walker/walker Hughes/hughes Bennett/bennett Carter/carter Ellis/ellis Foster/foster Reid/reid
            Shaw/shaw Webb/webb
        """),
    ),
    Naming(
        _pairs("""
            Jürgen/juergen Käthe/kaethe Björn/bjoern Åsa/asa Søren/soeren Maj/maj Günther/guenther
            Sigrún/sigrun Ægir/aegir
        """),
        _pairs("""
            Müller/mueller Weiß/weiss Östlund/oestlund Jørgensen/joergensen Krüger/krueger Þórsson/thorsson
            Hämäläinen/hamalainen
        """),
    ),
    Naming(
        _pairs("""
            Chloé/chloe François/francois Zoë/zoe Benoît/benoit Inês/ines João/joao Núria/nuria Iñaki/inaki
            Anaïs/anais
        """),
        _pairs("""
            Lefèvre/lefevre Gonçalves/goncalves Muñoz/munoz Brontë/bronte Peña/pena Conceição/conceicao
            Béranger/beranger
        """),
    ),
    Naming(
        _pairs("""
            Łukasz/lukasz Zuzanna/zuzanna Jiří/jiri Šárka/sarka Željko/zeljko Małgorzata/malgorzata
            Ömer/omer Gülşen/gulsen
        """),
        _pairs("""
            Wiśniewska/wisniewska Dvořák/dvorak Čapek/capek Błaszczyk/blaszczyk Kovačević/kovacevic
            Yıldız/yildiz Őry/ory
        """),
    ),
    Naming(
        _pairs("""
            Thuỷ/thuy Dũng/dung Ngọc/ngoc Hương/huong Đức/duc Quỳnh/quynh Tuấn/tuan Bích/bich
        """),
        _pairs("""
            Nguyễn/nguyen Trần/tran Phạm/pham Đặng/dang Huỳnh/huynh Vũ/vu Bùi/bui
        """),
    ),
    Naming(
        _pairs("""
            ليلى/layla يوسف/yusuf مريم/maryam خالد/khalid نور/nour عمر/omar سلمى/salma طارق/tariq
        """),
        _pairs("""
            الحسن/alhassan منصور/mansour النجار/alnajjar حداد/haddad الفارسي/alfarsi زيدان/zidan
        """),
    ),
    Naming(
        _pairs("""
            Ольга/olga Дмитрий/dmitry Наталія/nataliia Ёлка/yolka Богдан/bohdan Жанна/zhanna Юлия/yulia
            Степан/stepan
        """),
        _pairs("""
            Соколова/sokolova Шевченко/shevchenko Щукин/shchukin Гончар/honchar Журавлёв/zhuravlev
            Їжак/yizhak
        """),
    ),
    Naming(
        _pairs("""
            秀英/xiuying 伟/wei 芳/fang 建国/jianguo 婷婷/tingting 浩然/haoran 𠮷雄/jixiong
        """),
        _pairs("""
            王/wang 李/li 欧阳/ouyang 陈/chen 黄/huang 诸葛/zhuge 赵/zhao
        """),
    ),
    Naming(
        _pairs("""
            さくら/sakura 健太/kenta 陽子/yoko ハナ/hana 大輔/daisuke 美咲/misaki
        """),
        _pairs("""
            佐藤/sato 鈴木/suzuki 髙橋/takahashi 渡邊/watanabe 𠮷田/yoshida 小川/ogawa
        """),
    ),
    Naming(
        _pairs("""
            서연/seoyeon 민준/minjun 지우/jiwoo 하은/haeun 도윤/doyun 수빈/subin
        """),
        _pairs("""
            김/kim 이/lee 박/park 최/choi 황보/hwangbo 정/jung
        """),
    ),
    Naming(
        _pairs("""
            अनिता/anita राहुल/rahul प्रिया/priya विक्रम/vikram लक्ष्मी/lakshmi अर्जुन/arjun
        """),
        _pairs("""
            शर्मा/sharma वर्मा/verma कुलकर्णी/kulkarni मिश्रा/mishra जोशी/joshi
        """),
    ),
    Naming(
        _pairs("""
            நிலா/nila கார்த்திக்/karthik தமிழ்/tamizh মৌসুমী/mousumi অমিত/amit সুচিত্রা/suchitra
        """),
        _pairs("""
            முருகன்/murugan சுப்ரமணியன்/subramanian চট্টোপাধ্যায়/chattopadhyay ঘোষ/ghosh
        """),
    ),
    Naming(
        _pairs("""
            נועה/noa אורי/uri תמר/tamar איתן/eitan מיכל/michal
        """),
        _pairs("""
            כהן/cohen לוי/levi מזרחי/mizrahi שפירא/shapira
        """),
    ),
    Naming(
        _pairs("""
            Ελένη/eleni Γιώργος/giorgos Σοφία/sofia Νίκος/nikos Χρυσάνθη/chrysanthi
        """),
        _pairs("""
            Παπαδόπουλος/papadopoulos Ιωάννου/ioannou Μαυρίδης/mavridis Γεωργίου/georgiou
        """),
    ),
    Naming(
        _pairs("""
            สมชาย/somchai กานดา/kanda ปิยะ/piya สุดารัตน์/sudarat ณัฐ/nat
        """),
        _pairs("""
            ศรีสุข/srisuk วงศ์สวัสดิ์/wongsawat ทองดี/thongdee บุญมี/boonmee
        """),
    ),
    Naming(
        _pairs("""
            Անի/ani Արամ/aram ნინო/nino გიორგი/giorgi ሰላም/selam ዳዊት/dawit
        """),
        _pairs("""
            Պետրոսյան/petrosyan ბერიძე/beridze ተስፋዬ/tesfaye ኃይሌ/haile
        """),
    ),
    Naming(
        _pairs("""
            Folá/fola Adébáyọ̀/adebayo Ngozi/ngozi Chukwuemeka/chukwuemeka Amara/amara Kwame/kwame
        """),
        _pairs("""
            Ọláyínká/olayinka Okonkwo/okonkwo Mensah/mensah Ògúnlẹ́ye/ogunleye Nwachukwu/nwachukwu
        """),
    ),
)

#: Names with an apostrophe, straight and typographic; the romanised form keeps it, as addresses may.
APOSTROPHES = _pairs("""
    O'Connor/o'connor D’Angelo/d'angelo O’Sullivan/o'sullivan N'Diaye/n'diaye L'Écuyer/l'ecuyer
    Ka'ahumanu/ka'ahumanu
""")

#: People who go by one name.
MONONYMS = _pairs("""
    Suharni/suharni Wulandari/wulandari ဇော်/zaw Tenzin/tenzin མཚོ/tsho Budiarto/budiarto
""")

#: Parts of long names; joined until the limit of 60 characters is near.
LONG_GIVEN = ("Mariana", "del", "Carmen", "Guadalupe", "Esperanza", "Inmaculada", "Concepción", "Altagracia")
LONG_FAMILY = ("Wolfeschlegelsteinhausen", "Fernández", "de", "Córdoba", "y", "Álvarez", "de", "las", "Asturias")

DEPARTMENTS = _words("""
    Engineering Sales Support Finance Legal Marketing Design People Operations Security Research Procurement
    Quality Data Logistics Education Partnerships Facilities Communications Product
""")
#: Where departments sit, as written and romanised.
SITES = _pairs("""
    Lisbon/lisbon 東京/tokyo Αθήνα/athens Łódź/lodz Zürich/zurich القاهرة/cairo 서울/seoul Nairobi/nairobi
    मुंबई/mumbai תל־אביב/telaviv Київ/kyiv Reykjavík/reykjavik กรุงเทพฯ/bangkok Lima/lima Montréal/montreal
    上海/shanghai Lagos/lagos İzmir/izmir Oslo/oslo Ереван/yerevan Hà-Nội/hanoi Kraków/krakow Austin/austin
    Auckland/auckland Tbilisi/tbilisi
""")
TOPICS = _words("""
    Leads Newcomers On-Call Planning Reviews Releases Budget Training Hiring Archive Mobile Web Platform
    Payments Search Metrics Alerts Contracts Events Travel Safety Vendors Books Music Running Gardening
    Chess Cycling Parents Mentors Apprentices Translators Writers Auditors Analysts Architects Testers
    Trainers Buyers Drivers Nightshift Weekend Spring Summer Autumn Winter North South East West Blue Green
    Red Amber Violet Silver Alpha Beta Gamma Delta
""")
