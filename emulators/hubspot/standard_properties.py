"""The standard properties of each object type: a working selection of HubSpot's many."""

from emulators.hubspot.definitions import Definition, Sheet

LIFECYCLE = """
    subscriber=Subscriber
    lead=Lead
    marketingqualifiedlead=Marketing Qualified Lead
    salesqualifiedlead=Sales Qualified Lead
    opportunity=Opportunity
    customer=Customer
    evangelist=Evangelist
    other=Other
"""
LEAD_STATUS = """
    NEW=New
    OPEN=Open
    IN_PROGRESS=In Progress
    OPEN_DEAL=Open Deal
    UNQUALIFIED=Unqualified
    ATTEMPTED_TO_CONTACT=Attempted to Contact
    CONNECTED=Connected
    BAD_TIMING=Bad Timing
"""
SOURCES = """
    ORGANIC_SEARCH=Organic Search
    PAID_SEARCH=Paid Search
    EMAIL_MARKETING=Email Marketing
    SOCIAL_MEDIA=Organic Social
    REFERRALS=Referrals
    OTHER_CAMPAIGNS=Other Campaigns
    DIRECT_TRAFFIC=Direct Traffic
    OFFLINE=Offline Sources
    PAID_SOCIAL=Paid Social
"""
LEGAL_BASIS = """
    Legitimate interest - prospect/lead=Legitimate interest - prospect/lead
    Legitimate interest - existing customer=Legitimate interest - existing customer
    Legitimate interest - other=Legitimate interest - other
    Performance of a contract=Performance of a contract
    Freely given consent from contact=Freely given consent from contact
    Not applicable=Not applicable
"""
BUYING_ROLES = """
    BLOCKER=Blocker
    BUDGET_HOLDER=Budget Holder
    CHAMPION=Champion
    DECISION_MAKER=Decision Maker
    END_USER=End User
    EXECUTIVE_SPONSOR=Executive Sponsor
    INFLUENCER=Influencer
    LEGAL_AND_COMPLIANCE=Legal & Compliance
    OTHER=Other
"""
LANGUAGES = """
    da=Danish
    de=German
    de-at=German - Austria
    de-ch=German - Switzerland
    en=English
    en-gb=English - United Kingdom
    en-us=English - United States
    es=Spanish
    es-mx=Spanish - Mexico
    fr=French
    fr-ca=French - Canada
    it=Italian
    ja=Japanese
    ko=Korean
    nl=Dutch
    nl-be=Dutch - Belgium
    pl=Polish
    pt=Portuguese
    pt-br=Portuguese - Brazil
    sv=Swedish
    zh=Chinese
"""
TIME_ZONES = """
    america_slash_chicago=UTC -06:00 America Chicago
    america_slash_los_angeles=UTC -08:00 America Los Angeles
    america_slash_new_york=UTC -05:00 America New York
    america_slash_sao_paulo=UTC -03:00 America Sao Paulo
    asia_slash_kolkata=UTC +05:30 Asia Kolkata
    asia_slash_tokyo=UTC +09:00 Asia Tokyo
    australia_slash_sydney=UTC +10:00 Australia Sydney
    europe_slash_berlin=UTC +01:00 Europe Berlin
    europe_slash_london=UTC +00:00 Europe London
    europe_slash_paris=UTC +01:00 Europe Paris
    europe_slash_zurich=UTC +01:00 Europe Zurich
    utc=UTC
"""
INDUSTRIES = """
    ACCOUNTING=Accounting
    COMPUTER_SOFTWARE=Computer Software
    CONSUMER_GOODS=Consumer Goods
    FOOD_BEVERAGES=Food & Beverages
    HOSPITALITY=Hospitality
    RETAIL=Retail
    TEXTILES=Textiles
    TRANSPORTATION_TRUCKING_RAILROAD=Transportation/Trucking/Railroad
"""
PRIORITIES = """
    LOW=Low
    MEDIUM=Medium
    HIGH=High
    URGENT=Urgent
"""
CATEGORIES = """
    PRODUCT_ISSUE=Product issue
    BILLING_ISSUE=Billing issue
    FEATURE_REQUEST=Feature request
    GENERAL_INQUIRY=General inquiry
"""
CHANNELS = """
    CHAT=Chat
    EMAIL=Email
    FORM=Form
    PHONE=Phone
    Zoom=Zoom
"""
RESOLUTIONS = """
    ISSUE_FIXED=Issue fixed
    KNOWN_ISSUE=Known issue
    NO_RESPONSE=No response
    WONT_FIX=Won't fix
"""
# HubSpot records when a contact reached each of these stages.
STAMPED_STAGES = (
    "subscriber",
    "lead",
    "marketingqualifiedlead",
    "salesqualifiedlead",
    "opportunity",
    "customer",
    "evangelist",
    "other",
)


def contact_properties() -> list[Definition]:
    """Return the properties of contacts."""
    sheet = Sheet("contactinformation")
    sheet.text(email="Email", firstname="First Name", lastname="Last Name", salutation="Salutation")
    sheet.text(company="Company Name", jobtitle="Job Title", website="Website URL", industry="Industry")
    sheet.text(address="Street Address", city="City", state="State/Region", zip="Postal Code")
    sheet.text(country="Country/Region", hs_country_region_code="Country/Region Code", fax="Fax Number")
    sheet.text(annualrevenue="Annual Revenue", date_of_birth="Date of birth", twitterhandle="Twitter Username")
    sheet.phone(phone="Phone Number", mobilephone="Mobile Phone Number", hs_whatsapp_phone_number="WhatsApp Number")
    sheet.long_text(message="Message", hs_content_membership_notes="Registration notes")
    sheet.choice("lifecyclestage", "Lifecycle Stage", LIFECYCLE)
    sheet.choice("hs_lead_status", "Lead Status", LEAD_STATUS)
    sheet.choice("hs_language", "Preferred language", LANGUAGES)
    sheet.choice("hs_timezone", "Time Zone", TIME_ZONES)
    sheet.choice("hs_buying_role", "Buying Role", BUYING_ROLES, several=True)
    sheet.choice("hs_legal_basis", "Legal basis for processing contact's data", LEGAL_BASIS, several=True)
    sheet.choice("hs_analytics_source", "Original Traffic Source", SOURCES)
    sheet.choice("hs_additional_emails", "Additional email addresses", "", several=True)
    sheet.outside(hubspot_owner_id="Contact owner", hubspot_team_id="HubSpot Team")
    sheet.moment(closedate="Close Date", notes_last_contacted="Last Contacted")
    sheet.provenance()
    sheet.made(
        "datetime",
        createdate="Create Date",
        lastmodifieddate="Last Modified Date",
        hs_v2_date_entered_current_stage="Stage entered",
    )
    sheet.made("datetime", **{f"hs_lifecyclestage_{name}_date": f"Became a {name} date" for name in STAMPED_STAGES})
    sheet.made("string", hs_all_contact_vids="All vids for a contact", hs_email_domain="Email Domain")
    sheet.made("string", hs_full_name_or_email="Full name or email", hs_pipeline="Pipeline")
    sheet.made("string", hs_searchable_calculated_phone_number="Calculated Phone Number without country code")
    sheet.made("number", num_associated_deals="Number of Associated Deals", num_notes="Number of Sales Activities")
    sheet.yes_or_no(hs_is_contact="Is a contact", hs_is_unworked="Contact unworked")
    sheet.yes_or_no(hs_email_optout="Unsubscribed from all email", hs_email_bad_address="Invalid email address")
    return sheet.rows


def company_properties() -> list[Definition]:
    """Return the properties of companies."""
    sheet = Sheet("companyinformation")
    sheet.text(name="Company name", domain="Company Domain Name", website="Website URL", address="Street Address")
    sheet.text(city="City", state="State/Region", zip="Postal Code", country="Country/Region")
    sheet.phone(phone="Phone Number")
    sheet.choice("industry", "Industry", INDUSTRIES)
    sheet.choice("lifecyclestage", "Lifecycle Stage", LIFECYCLE)
    sheet.outside(hubspot_owner_id="Company owner")
    sheet.provenance()
    sheet.made("datetime", createdate="Create Date", hs_lastmodifieddate="Last Modified Date")
    return sheet.rows


def ticket_properties() -> list[Definition]:
    """Return the properties of tickets."""
    sheet = Sheet("ticketinformation")
    sheet.text(subject="Ticket name")
    sheet.long_text(content="Ticket description")
    sheet.outside(hs_pipeline="Pipeline", hs_pipeline_stage="Ticket status", hubspot_owner_id="Ticket owner")
    sheet.outside(hubspot_team_id="HubSpot team")
    sheet.choice("hs_ticket_priority", "Priority", PRIORITIES)
    sheet.choice("hs_ticket_category", "Category", CATEGORIES, several=True)
    sheet.choice("hs_resolution", "Resolution", RESOLUTIONS, several=True)
    sheet.choice("source_type", "Source", CHANNELS)
    sheet.moment(closed_date="Close date", first_agent_reply_date="First agent email response")
    sheet.provenance()
    sheet.made(
        "datetime",
        createdate="Create date",
        hs_lastmodifieddate="Last modified date",
        hs_v2_date_entered_current_stage="Stage entered",
    )
    sheet.made("number", hs_ticket_id="Ticket ID", hs_num_times_contacted="Number of times contacted")
    sheet.yes_or_no(hs_is_closed="Is closed", hs_is_visible_in_help_desk="Is visible in help desk")
    return sheet.rows


def note_properties() -> list[Definition]:
    """Return the properties of notes, the comments on a ticket that agents see."""
    sheet = Sheet("engagementinfo")
    sheet.long_text(hs_note_body="Note body")
    sheet.text(hs_attachment_ids="Attached file IDs")
    sheet.moment(hs_timestamp="Activity date")
    sheet.outside(hubspot_owner_id="Activity assigned to")
    sheet.provenance()
    sheet.made("datetime", hs_createdate="Create date", hs_lastmodifieddate="Last modified date")
    return sheet.rows


def order_properties() -> list[Definition]:
    """Return the properties of orders. Statuses of payment and fulfilment are text. The key of the shop is unique."""
    sheet = Sheet("order_information")
    sheet.text(hs_order_name="Name", hs_external_order_id="Order ID", hs_external_order_status="Status")
    sheet.text(hs_external_order_url="Order URL", hs_source_store="Source Store", hs_discount_codes="Discount Codes")
    sheet.text(hs_fulfillment_status="Fulfillment Status", hs_payment_status="Payment Status")
    sheet.text(hs_shipping_tracking_number="Shipping Tracking Number", hs_currency_code="Currency Code")
    sheet.long_text(hs_order_note="Note")
    sheet.number(hs_total_price="Total Price", hs_subtotal_price="Subtotal Price", hs_tax="Tax")
    sheet.number(hs_shipping_cost="Shipping Cost", hs_order_discount="Order Discount")
    for kind in ("shipping", "billing"):
        parts = ("name", "street", "city", "state", "postal_code", "country", "phone", "email")
        sheet.text(**{f"hs_{kind}_address_{part}": f"{kind} {part}".title() for part in parts})
    sheet.outside(hs_pipeline="Pipeline", hs_pipeline_stage="Pipeline Stage", hubspot_owner_id="Owner")
    sheet.moment(hs_external_created_date="External Created Date", hs_processed_date="Processed Date")
    sheet.moment(hs_cancelled_date="Cancelled Date")
    sheet.provenance()
    sheet.made("datetime", hs_createdate="Create Date", hs_lastmodifieddate="Last Modified Date")
    return sheet.rows


def line_item_properties() -> list[Definition]:
    """Return the properties of line items. HubSpot computes the amount."""
    sheet = Sheet("lineiteminformation")
    sheet.text(name="Name", hs_sku="SKU", hs_product_id="Product ID", description="Description")
    sheet.text(hs_line_item_currency_code="Currency")
    sheet.number(quantity="Quantity", price="Unit price", discount="Unit discount", tax="Tax")
    sheet.number(hs_position_on_quote="Position")
    sheet.provenance()
    sheet.made("number", amount="Net price", hs_tax_amount="Tax amount")
    sheet.made("datetime", createdate="Create Date", hs_lastmodifieddate="Last Modified Date")
    return sheet.rows
