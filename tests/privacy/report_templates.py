"""What made reports look like: heads, sentences and feet; `<slot>` is a value, see `reports.py`.

Written before the recogniser, from what heads and feet of Chinese and English reports look like. The lists
HELD are for the final count only: while the recogniser was tuned, no miss of theirs was listed.
"""

HEADS = {
    "zh": [
        "<hospital>影像检查报告单\n姓名：<name>  性别：<sex>  年龄：<age>  检查号：<accession>\n"
        "住院号：<mrn>  床号：<bed>  科室：<department>  检查日期：<exam_date>",
        "姓名:<name>\t性别:<sex>\t年龄:<age>\t门诊号:<outpatient>\t影像号:<film>\n申请科室:<department>\t"
        "申请医师:<doctor>\t检查时间:<exam_date> <time>",
        "患者姓名 <name_spaced>   性 别 <sex>   年 龄 <age>\n身份证号 <id18>   联系电话 <mobile>\n"
        "家庭住址 <address>",
        "CT检查报告\r\n姓名：<name>(<pinyin>)\r\nID号：<mrn>\r\n出生日期：<birth>\r\n送检医院：<hospital_o"
        "ther>\r\n"
        "医保号：<insurance>\r\n",
        "病案号 <case>　姓名 <name>　床号 <bed>　入院日期 <exam_date>\n联系人：<contact>　关系：配偶　电话"
        "：<landline>",
        "【基本信息】姓名：<name>；证件号码：<id15>；手机：<mobile>；微信号：<wechat>；住址：<address_othe"
        "r>。",
        "报告编号：<film>\n被检者：<name>\nPatient Name: <pinyin>\nPatient ID: <mrn>\nDOB: "
        "<birth>\n检查日期 <exam_date>",
        "患者<name>，<sex>，<age>，因“咳嗽3天”于<past_date>就诊于<hospital_other>，门诊号<outpatient>。",
    ],
    "en": [
        "<hospital>\nDepartment of Radiology\nPatient Name: <name>\nMRN: <mrn>    DOB: <birth>    Sex: "
        "<sex>\n"
        "Accession #: <accession>    Exam Date: <exam_date>\nReferring Physician: <doctor>",
        "PATIENT: <name_comma>\nMEDICAL RECORD NUMBER: <mrn>\nDATE OF SERVICE: <exam_date>\nADDRESS: "
        "<address>\n"
        "PHONE: <mobile>",
        "Name: <name_upper>   Age: <age>   MRN#<mrn>   Acc: <accession>   Room: <bed>",
        "RE: <name>\nD.O.B. <birth>\nSSN: <ssn>\nHome phone <landline>\nInsurance ID: <insurance>\nStudy: "
        "CT chest\n",
        "Pt Name <name_comma>\tPt ID <mrn>\tStudy Date <exam_date>\tOrdering MD <doctor>",
        "Patient: <name_caret>\r\nPatient ID: <mrn>\r\nInstitution: <hospital>\r\nStudy Time: <exam_date> "
        "<time>\r\n",
        "To: <doctor_title>\n<hospital_other>\n<address_other>\n\nDear colleague,\nThank you for "
        "referring <titled>, "
        "born <birth>.",
        "Visit Number: <case>\nName: <name>\nEmail: <email>\nEmergency contact: <contact>, <landline>\n",
    ],
}  # fmt: skip
HEADS_HELD = {
    "zh": [
        "<hospital>\n放射科诊断报告\n姓  名：<name>    性别：<sex>    年龄：<age>\n病人ID：<mrn>    "
        "检查部位：胸部\n"
        "申请单号：<accession>    病区：<department>    床位：<bed>",
        "超声号 <film>  姓名 <name> <sex> <age>  门诊/住院号 <mrn>  检查医师 <doctor>",
        "受检者：<name>　证件：<id18>　单位电话：<landline>　体检日期：<exam_date>　体检编号：<case>",
        "姓名：<name>性别：<sex>年龄：<age>住院号：<mrn>床号：<bed>临床诊断：肺炎",
        "就诊卡号：<outpatient>\n病人姓名：<name>\n现住址：<address>\n电话号码：<mobile>\n送检医生：<doctor>",
    ],
    "en": [
        "RADIOLOGY REPORT\nPatient's name: <name>\nHospital No: <mrn>\nDate of birth: <birth>\nRequesting "
        "doctor: "
        "<doctor>\nDate of examination: <exam_date>",
        "<name_upper> | <birth> | <mrn> | <accession> | <exam_date>",
        "Exam: XR CHEST 2 VIEWS\nPATIENT NAME: <name_comma>   ACCOUNT NUMBER: <case>   LOCATION: <bed>",
        "Client: <name>; address <address>; tel. <mobile>; passport no. <passport>",
        "Patient name/ID: <name> / <mrn>. Attending: <doctor>. Facility: <hospital>.",
    ],
}  # fmt: skip
SENTENCES = {
    "zh": [
        "<titled>因右下腹痛1天入院。",
        "与<past_date>片对比，病灶较前缩小。",
        "患者<name>既往于<past_date>在<hospital_other>行手术治疗。",
        "已电话通知家属<contact>，电话<mobile_other>。",
        "家属QQ：<qq>，邮箱<email>，请发送报告。",
        "患者住<address_other>，邮编：<zip>。",
        "车牌号<plate>的救护车送入。",
        "护照号：<passport>，持证人<pinyin>。",
        "危急值已于<exam_date> <time>报告<doctor>医生。",
        "图像见 <url> ，服务器 <ip>。",
        "患者由<unlabelled>陪同前来。",
        "<unlabelled>于今晨代为领取胶片。",
        "患者今年<age>，<month_day>起发热，体温38.5℃。",
        "身份证<id18>，曾用名<unlabelled>。",
    ],
    "en": [
        "<titled> presents with right lower quadrant pain.",
        "Comparison: CT chest from <past_date>.",
        "The patient was seen at <hospital_other> on <past_date> by <doctor_title>.",
        "Findings were discussed with <doctor_title> by phone at <mobile_other>.",
        "The patient's daughter <unlabelled> was called at <landline>.",
        "Lives at <address_other>.",
        "Images are available at <url> (host <ip>).",
        "<name> is a <age> <sex> with cough.",
        "Please e-mail the report to <email>.",
        "License plate <plate_en> was noted by the ambulance crew.",
        "She was accompanied by <unlabelled>.",
        "Fax results to <fax>.",
        "WeChat: <wechat>.",
        "Symptoms began on <month_day>.",
    ],
}
SENTENCES_HELD = {
    "zh": [
        "<titled>诉胸闷，<past_date>外院CT示结节。",
        "对照<past_date>旧片，无明显变化。",
        "请联系<contact_kin>（<mobile_other>）。",
        "患者自述曾在<hospital_other>住院，住院号<case>。",
        "病史由邻居<unlabelled>提供。",
        "该患者微信<wechat>，QQ号<qq>。",
        "医保卡号<insurance>；护照<passport>。",
        "会诊意见来自<doctor>主任。",
    ],
    "en": [
        "Compared with the study dated <past_date>.",
        "<titled> was transferred from <hospital_other>.",
        "Discussed with <unlabelled> at the bedside.",
        "Call back number is <mobile_other>; SSN <ssn>.",
        "Per <doctor_title>, follow-up on <month_day>.",
        "Mail to <address_other>.",
        "The portal <url> lists policy number <insurance>.",
    ],
}
FEET = {
    "zh": [
        "报告医师：<reporter>    审核医师：<reviewer>\n报告日期：<exam_date> <time>",
        "报告医生 <reporter>  审核医生 <reviewer>  技师 <doctor>",
        "诊断医师：<reporter>\n复核：<reviewer>\n记录员：<doctor>\n打印时间：<exam_date>",
        "医生签名：<reporter_spaced>\r\n主任医师：<reviewer>\r\n本报告仅供临床参考，<hospital>，电话：<lan"
        "dline>",
        "检查医生:<reporter>/审核:<reviewer>  <exam_date>",
        "<reporter>医师书写，<reviewer>副主任医师审签。",
    ],
    "en": [
        "Dictated by: <reporter>\nReviewed and signed by: <reviewer>\nSigned: <exam_date> <time>",
        "Electronically signed by <reporter>, MD on <exam_date> at <time>",
        "Reported by <reporter>. Verified by <reviewer>. Technologist: <doctor>.",
        "Interpreting Radiologist: <reporter>\nTranscribed by <doctor>\ncc: <doctor_title>",
        "Read by: <reporter_comma>\n<hospital>, <address_other>, <landline>",
        "D: <exam_date>  T: <exam_date>  <initials>/mk\n",
    ],
}
FEET_HELD = {
    "zh": [
        "报告者：<reporter>　审核者：<reviewer>　<exam_date>",
        "主治医师：<reporter>；上级医师：<reviewer>",
        "签发医师 <reviewer> 录入 <doctor> 报告时间 <exam_date>",
        "书写医师：<reporter>　会诊医师：<doctor>　<hospital>",
    ],
    "en": [
        "Radiologist: <reporter>\nResident: <doctor>\nFinalized <exam_date>",
        "Attending radiologist <reviewer>, M.D. has personally reviewed the images.",
        "Approved by: <reviewer>   Date: <exam_date>   Fellow: <doctor>",
        "Signed by <reporter_comma> MD; prepared by <doctor> RT(R)",
    ],
}
BODIES = {
    "zh": [
        "右肺上叶见一大小约8mm磨玻璃结节，边界清，CT值约-560HU。双侧胸腔未见积液。",
        "左肺下叶背段见3.5×2.1cm肿块，呈高密度影，增强扫描动脉期CT值约85HU，静脉期约92HU。",
        "L4/5椎间盘膨出，C7椎体骨质增生。T1WI呈低信号，T2WI呈高信号，DWI未见弥散受限。",
        "双乳腺体致密，左乳外上象限见结节，BI-RADS 4A类。右乳BI-RADS 2类。",
        "前列腺穿刺：腺癌，Gleason 3+4=7分。cT2N0M0，PI-RADS 4分。",
        "患者黄疸、黄染3天，白细胞12.3×10^9/L，血红蛋白98g/L，血压120/80mmHg，心率76次/分。",
        "石膏固定术后，金属内固定位置可，关节间隙对称。任何不适请随诊。安静状态下无胸痛。",
        "帕金森病、克罗恩病、霍奇金淋巴瘤病史。Virchow淋巴结未触及肿大。何杰金病待排。",
        "常规平扫示双侧上颌窦黏膜增厚，左侧为著；水肿范围约1.2cm×0.9cm。",
        "肝右叶S6段囊肿，直径约15 mm，门脉期无强化。胆囊结石，方叶稍大。余未见明显异常。",
        "于左侧肾上腺区见结节，大小约1.1cm，高信号。和前片比较变化不大。向右侧移位。",
        "心胸比0.52，主动脉结钙化。颈椎曲度变直，C3-C7椎体缘唇样增生。骨龄约12岁。",
    ],
    "en": [
        "There is an 8 mm ground-glass nodule in the right upper lobe, -560 HU. No pleural effusion.",
        "A 3.5 x 2.1 cm mass in the left lower lobe enhances to 85 HU in the arterial phase.",
        "L4/5 disc bulge. C7 vertebral body is normal. T1 hypointense, T2 hyperintense, no restriction on "
        "DWI.",
        "BI-RADS 4A lesion in the left breast at 2 o'clock, 5 cm from the nipple. Right breast BI-RADS 2.",
        "Prostatic adenocarcinoma, Gleason 3+4=7, cT2 N0 M0, PI-RADS 4.",
        "Blood pressure 120/80 mmHg, heart rate 76, WBC 12.3, hemoglobin 9.8 g/dL, SpO2 98%.",
        "History of Crohn disease, Parkinson disease, Graves disease and Hodgkin lymphoma. No Virchow node.",
        "Baker cyst and Hoffa fat pad edema. Schmorl nodes at T11. Kerley B lines. Grade 3 of 4 stenosis.",
        "The heart size is within normal limits. Lungs are clear. No pneumothorax. Impression: normal chest.",
        "Hepatic cyst in segment 6 measuring 15 mm. Gallstones. Doppler flow is normal. Bosniak II cyst.",
        "Fleischner 2017 follow-up in 6-12 months. Lung-RADS 3. SUV max 4.5. Bone age about 12 years.",
        "Small bowel is unremarkable. White matter changes, Fazekas 1. Long segment stricture of the colon.",
    ],
}
