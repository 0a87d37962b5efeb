"""Users manage their tokens and their account at the portal."""

from tests.support.portal_visit import Visitor


def test_a_token_is_shown_copied_replaced_and_revoked(visitor: Visitor) -> None:
    visitor.signed_in()
    page = visitor.page
    assert "0 of 10 requests used, 10 left." in page.inner_text(".usage")
    assert "•" in page.inner_text(".token")
    page.click("text=Show token")
    page.wait_for_selector("text=Hide token")
    first = page.inner_text(".token")
    assert visitor.allowed(first)
    page.evaluate("navigator.clipboard.writeText = async (text) => { window.copied = text }")
    page.click(".token-panel >> text=Copy")
    page.wait_for_selector("text=Copied.")
    assert page.evaluate("window.copied") == first
    page.click(".token-panel >> text=Replace")
    page.click("dialog .danger")
    page.wait_for_selector("text=The previous one no longer works.")
    second = page.inner_text(".token")
    assert (visitor.allowed(first), visitor.allowed(second)) == (False, True)
    page.click(".token-panel >> text=Revoke")
    page.click("dialog >> text=Keep as it is")
    assert visitor.allowed(second)
    page.click(".token-panel >> text=Revoke")
    page.click("dialog .danger")
    page.wait_for_selector("text=The token is revoked.")
    assert not visitor.allowed(second)
    assert "•" in page.inner_text(".token")


def test_signing_out_everywhere_ends_the_other_tab(visitor: Visitor) -> None:
    visitor.signed_in()
    other = Visitor(visitor.stack, visitor.page.context)
    other.email = visitor.email
    other.open("sign-in")
    other.signs_in()
    other.page.wait_for_selector(".mine")
    page = visitor.open("account")
    page.click("main >> text=Sign out everywhere")
    page.wait_for_selector("text=You are signed out everywhere.")
    other.page.click("text=Show token")
    other.page.wait_for_selector("text=You were signed out. Sign in again.")
    assert other.page.text_content("h1") == "Sign in"
    assert other.page.evaluate("sessionStorage.length") == 0
    other.page.close()


def test_signing_out_leaves_nothing_in_the_tab(visitor: Visitor) -> None:
    visitor.signed_in()
    page = visitor.open("account")
    page.click("main >> text='Sign out'")
    page.wait_for_selector("text=You are signed out.")
    assert page.evaluate("sessionStorage.length + localStorage.length") == 0
    page.go_back()
    page.wait_for_selector("h1:text-is('Sign in')")


def test_an_account_is_deleted_by_those_who_type_its_address(visitor: Visitor) -> None:
    visitor.signed_in()
    page = visitor.open("account")
    page.click("main >> text='Delete the account' >> nth=1")
    page.fill("dialog input", "another@example.com")
    page.click("dialog .danger")
    page.wait_for_selector("dialog >> text=This does not match.")
    page.fill("dialog input", visitor.email)
    page.click("dialog .danger")
    page.wait_for_selector("text=Your account is deleted.")
    visitor.open("sign-in")
    visitor.signs_in()
    page.wait_for_selector("[role=alert]:has-text('The email address or the password is wrong')")
