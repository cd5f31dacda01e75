from doctorsun.model.tokenizer import train_tokenizer

QUESTION = "这张图像显示的是哪一种成像方式？"
OTHERS = ["胸部有结节", "What is shown in this image?", "图像中没有异常"]


def test_a_question_asked_a_thousand_times_becomes_no_token_of_its_own() -> None:
    often = train_tokenizer([QUESTION] * 1000 + OTHERS, size=700)
    once = train_tokenizer([QUESTION, *OTHERS], size=700)
    assert often.get_vocab() == once.get_vocab()
    assert len(often.encode(QUESTION, add_special_tokens=False)) >= len(QUESTION.encode()) // 12


def test_training_twice_gives_the_same_tokens_and_every_text_comes_back() -> None:
    one, two = (train_tokenizer([QUESTION, *OTHERS], size=600) for _ in range(2))
    assert one.get_vocab() == two.get_vocab()
    for text in (QUESTION, *OTHERS, "肺炎 pneumonia 8mm"):
        assert one.decode(one.encode(text, add_special_tokens=False)) == text
